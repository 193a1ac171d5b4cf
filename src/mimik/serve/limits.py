"""How much a client may ask for: bounds that keep a server standing, each a ``MIMIK_LIMIT_*`` variable."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from mimik.config import Environment

__all__ = ["Limits"]

_MIB = 1024**2


class Limits(Environment):
    """A server's limits. Each field is also an environment variable, such as ``MIMIK_LIMIT_BODY``."""

    model_config = SettingsConfigDict(env_prefix="MIMIK_LIMIT_", extra="forbid", frozen=True)

    body: int = Field(default=32 * _MIB, ge=1024, le=1024 * _MIB, description="Bytes of a request with pictures.")
    body_s: float = Field(default=60.0, gt=0, le=3600, description="Seconds in which a request must arrive.")
    small_body: int = Field(default=_MIB, ge=1024, le=1024 * _MIB, description="Bytes of any other request.")
    connections: int = Field(
        default=768, ge=8, le=100_000, description="Connections open at once, WebSockets included; more are closed."
    )
    head_s: float = Field(default=10.0, gt=0, le=3600, description="Seconds in which a request's head must arrive.")
    pictures: int = Field(default=16, ge=1, le=256, description="Pictures in a request.")
    megapixels: float = Field(
        default=25, gt=0, le=500, description="Of a picture, by its header, before it is decoded."
    )
    megapixels_together: float = Field(default=50, gt=0, le=1000, description="Of all pictures of a request.")
    waiting: int = Field(default=16, ge=1, le=1000, description="Requests with pictures under way.")
    waiting_each: int = Field(default=8, ge=1, le=1000, description="Of these, of one key.")
    upload: int = Field(default=4096 * _MIB, ge=1024, description="Bytes of a video for the queue.")
    uploads: int = Field(default=8, ge=1, le=1000, description="Videos that are being sent at once.")
    upload_idle_s: float = Field(
        default=60.0, gt=0, le=3600, description="Seconds without a byte of a video until it is given up."
    )
    jobs: int = Field(default=100, ge=1, le=10_000, description="Videos that wait in the queue.")
    job_s: float = Field(default=24 * 3600.0, gt=0, description="Seconds that the analysis of one video may take.")
    requests: int = Field(
        default=600,
        ge=1,
        le=1_000_000,
        description="Requests a minute by one key, or by one address without a key; not on this machine alone.",
    )
    refusals: int = Field(
        default=10, ge=1, le=10_000, description="Wrong keys a minute by one address, before it must wait."
    )
    login_s: float = Field(
        default=12 * 3600.0, gt=0, le=31 * 86_400, description="Seconds that a login of the page lasts unused."
    )
    audit_bytes: int = Field(
        default=10 * _MIB, ge=1024, le=1024 * _MIB, description="Bytes of the audit log before another file is begun."
    )
    audit_files: int = Field(default=10, ge=1, le=1000, description="Older files of the audit log that are kept.")
    audit_strangers: int = Field(
        default=60,
        ge=1,
        le=1_000_000,
        description="Lines a minute of the audit log by one address without a key; others are counted.",
    )
    streams: int = Field(default=256, ge=1, le=10_000, description="WebSockets open at once.")
    streams_each: int = Field(
        default=256, ge=1, le=10_000, description="WebSockets open at once by one key, or one address."
    )
    frame: int = Field(default=2 * _MIB, ge=1024, le=64 * _MIB, description="Bytes of a frame of a stream.")
    frame_side: int = Field(default=1920, ge=64, le=8192, description="Longer side of a frame of a stream, in pixels.")
    frames: float = Field(
        default=60, gt=0, le=1000, description="Frames a second of one stream; more are dropped and counted."
    )
    stream_idle_s: float = Field(
        default=60.0, gt=0, le=3600, description="Seconds without a frame until a stream is closed."
    )
    stream_slow_s: float = Field(
        default=10.0, gt=0, le=3600, description="Seconds without a result being read until a stream is closed."
    )
    readers: int = Field(default=2, ge=1, le=64, description="Threads that read pictures.")
    together: int = Field(
        default=4, ge=1, le=64, description="Pictures, of as many clients where they wait, that are read together."
    )
    gather_ms: float = Field(
        default=0, ge=0, le=100, description="Milliseconds that a picture may wait for others to be read with it."
    )
    exports: int = Field(default=4, ge=1, le=64, description="Exports and results written at once; others wait.")
    export_idle_s: float = Field(
        default=60.0, gt=0, le=3600, description="Seconds that an answer waits for a client that does not read."
    )
    recordings: int = Field(default=16, ge=1, le=1000, description="Sessions being recorded at once.")

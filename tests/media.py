"""Videos and pictures made for tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from mimik.sources import Demo
from mimik.types import Image

__all__ = ["demo_video", "encoded", "number_of", "numbered", "numbered_frames", "truncate", "write_video"]

_MILLISECOND = Fraction(1, 1000)
_THREADS = 3  # of an encoder, on every machine: x264 writes other bytes with another number


def numbered(number: int, width: int = 320, height: int = 240) -> Image:
    """A gray picture that carries a number (0–65535) in 16 blocks along its upper edge, which survive encoding."""
    image = np.full((height, width, 3), 128, np.uint8)
    block = width // 16
    for bit in range(16):
        image[: height // 4, bit * block : (bit + 1) * block] = 255 if number >> bit & 1 else 0
    return image


def number_of(image: Image) -> int:
    """The number that `numbered` put into an upright picture."""
    height, width = image.shape[:2]
    block = width // 16
    row = image[height // 8, block // 2 : 16 * block : block].mean(axis=1)
    return sum(1 << bit for bit, value in enumerate(row) if value > 127)


def numbered_frames(count: int, width: int = 320, height: int = 240) -> Iterator[Image]:
    """`numbered` pictures 0, 1, 2, …"""
    return (numbered(number, width, height) for number in range(count))


def write_video(
    path: Path,
    frames: Iterable[Image],
    fps: int = 25,
    *,
    times: Sequence[float] | None = None,
    rotation: float = 0,
    mirrored: bool = False,
    audio: bool = False,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    format: str | None = None,  # noqa: A002 (PyAV's name)
    tags: dict[str, str] | None = None,
) -> Path:
    """Write a video.

    Args:
        path: the file; its suffix says the format, unless `format` does.
        frames: ``(H, W, 3)`` uint8, BGR, all of a size, with even sides.
        fps: frames a second, where `times` is not given.
        times: seconds of each frame, for a variable frame rate.
        rotation: degrees counter-clockwise by which a player has to turn the frames.
        mirrored: whether a player has to mirror them, too.
        audio: whether to add a tone.
        codec: FFmpeg's name of the encoder.
        options: the encoder's.
        container_options: the format's, such as ``{"movflags": "faststart"}``.
        format: FFmpeg's name of the format.
        tags: what the file says of itself, such as ``{"creation_time": "2026-03-02T09:00:00Z"}``.

    Returns:
        `path`.
    """
    with av.open(str(path), "w", format=format, options=container_options or {}) as container:
        container.metadata.update(tags or {})
        stream: VideoStream | None = None
        sound: AudioStream | None = None
        seconds = 0.0
        for index, image in enumerate(frames):
            if stream is None:
                stream = cast(VideoStream, container.add_stream(codec, rate=fps, options=options or {}))
                stream.codec_context.thread_count = _THREADS
                stream.height, stream.width = image.shape[:2]
                stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
                if times is not None:
                    stream.codec_context.time_base = _MILLISECOND
                if rotation or mirrored:
                    stream.set_display_rotation(rotation, hflip=mirrored)
                if audio:
                    sound = container.add_stream("aac", rate=44100)
            frame = VideoFrame.from_ndarray(image, format="bgr24")
            if times is not None:
                frame.pts, frame.time_base = round(times[index] * 1000), _MILLISECOND
                seconds = times[index]
            else:
                frame.pts, frame.time_base = index, Fraction(1, fps)
                seconds = index / fps
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode())
        if sound is not None:
            for start in range(0, int(seconds * 44100) + 1, 1024):
                tone = np.sin(np.arange(start, start + 1024) * 0.06, dtype=np.float32)[None]
                samples = AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
                samples.sample_rate, samples.pts = 44100, start
                container.mux(sound.encode(samples))
            container.mux(sound.encode())
    return path


def demo_video(
    path: Path,
    seconds: float = 2,
    fps: int = 25,
    size: tuple[int, int] = (640, 360),
    options: dict[str, str] | None = None,
) -> Path:
    """The bundled demo as a file: real faces, moved as a camera would move. The options are the encoder's."""
    frames = Demo(seconds=seconds, fps=fps, size=size, paced=False)
    return write_video(path, (frame.image for frame in frames), fps, options=options)


def truncate(path: Path, share: float) -> Path:
    """Cut a file off after a share of its bytes."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def encoded(image: Image, suffix: str = ".jpg") -> bytes:
    """A picture as a file's bytes."""
    good, data = cv2.imencode(suffix, image)
    assert good
    return data.tobytes()

"""Broken and hostile pictures and videos on every way in: refused in words, never a server's error, nothing opened."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mimik.serve import create_app
from mimik.serve.limits import Limits
from mimik.store import Store
from tests.fakes import fake_pipeline
from tests.integration.serve.test_jobs import _over, _send
from tests.media import encoded, numbered, numbered_frames, write_video
from tests.serving import Served, served
from tests.traps import listening, traps, watching

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("hostile") / "sessions.db") as store:
        yield store


@pytest.fixture(scope="module")
def server(store: Store) -> Iterator[Served]:
    limits = Limits(requests=1_000_000, jobs=1000, megapixels=1)
    with served(create_app(fake_pipeline(), store=store, limits=limits)) as server:
        yield server


def _analyze(server: Served, data: bytes) -> httpx.Response:
    return server.http.post("/v1/analyze", content=data, headers={"Content-Type": "image/jpeg"})


def _form(server: Served, data: bytes) -> httpx.Response:
    return server.http.post("/v1/analyze", files={"pictures": ("../../a.jpg", data, "image/jpeg")})


def _base64(server: Served, data: bytes) -> httpx.Response:
    return server.http.post("/v1/analyze", json={"pictures": [{"data": base64.b64encode(data).decode()}]})


def _rekognition(server: Served, data: bytes) -> httpx.Response:
    return server.http.post(
        "/rekognition/",
        content=json.dumps({"Image": {"Bytes": base64.b64encode(data).decode()}}),
        headers={"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "RekognitionService.DetectFaces"},
    )


def _azure(server: Served, data: bytes) -> httpx.Response:
    return server.http.post(
        "/azure/face/v1.0/detect", content=data, headers={"Content-Type": "application/octet-stream"}
    )


def _facepp(server: Served, data: bytes) -> httpx.Response:
    form = {"api_key": "any", "api_secret": "any"}
    return server.http.post("/facepp/v3/detect", data=form, files={"image_file": ("a.jpg", data)})


def _skybiometry(server: Served, data: bytes) -> httpx.Response:
    form = {"api_key": "any", "api_secret": "any"}
    return server.http.post("/skybiometry/fc/faces/detect.json", data=form, files={"file": ("a.jpg", data)})


WAYS = (_analyze, _form, _base64, _rekognition, _azure, _facepp, _skybiometry)
GOOD = {suffix: encoded(numbered(1), suffix) for suffix in (".jpg", ".png", ".webp", ".bmp")}


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(b"\0" * 99))
        + _chunk(b"IEND", b"")
    )


BROKEN = {
    "nothing": b"",
    "a byte": b"\xff",
    "text": b"not a picture at all\n" * 20,
    "NUL bytes": b"\0" * 4096,
    "a JPEG's first bytes": GOOD[".jpg"][:20],
    "half a JPEG's header": GOOD[".jpg"][:200],
    "a PNG's first half": GOOD[".png"][: len(GOOD[".png"]) // 2],
    "a PNG of 2³¹−1 × 2³¹−1": _png(2**31 - 1, 2**31 - 1),
    "a PNG of 50,000 × 50,000": _png(50_000, 50_000),
    "a PNG of 0 × 0": _png(0, 0),
    "a BMP of huge sides": b"BM"
    + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, 2**30, 2**30, 1, 24, 0, 0, 1, 1, 0, 0),
    "a WebP that lies": b"RIFF\xff\xff\xff\xffWEBPVP8X" + b"\xff" * 40,
    "a GIF without a picture": b"GIF89a\xff\xff\xff\xff\x00\x00\x00;",
    "an SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "a PDF": b"%PDF-1.4\n1 0 obj\n",
    "a ZIP": b"PK\x03\x04" + b"\0" * 60,
}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.strip("_"))
def test_broken_pictures_are_refused(server: Served, way: object) -> None:
    assert callable(way)
    for what, data in BROKEN.items():
        answer = way(server, data)
        told = json.loads(answer.content)
        refused = 400 <= answer.status_code < 500 or told.get("status") == "failure"
        assert refused, f"{what}: {answer.status_code} {answer.text[:200]}"
    assert way(server, GOOD[".jpg"]).status_code == 200


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    suffix=st.sampled_from(sorted(GOOD)),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12),
    cut=st.floats(0, 1),
    way=st.sampled_from(WAYS),
)
def test_damaged_pictures_are_read_or_refused(
    server: Served, suffix: str, changes: list[tuple[float, int]], cut: float, way: object
) -> None:
    data = bytearray(GOOD[suffix])
    for place, value in changes:
        data[min(len(data) - 1, int(place * len(data)))] = value
    assert callable(way)
    assert way(server, bytes(data[: 1 + int(cut * len(data))])).status_code < 500


def test_playlists_as_pictures_open_nothing(server: Served, tmp_path: Path) -> None:
    canary = write_video(tmp_path / "canary.ts", numbered_frames(10, 160, 96), 25, format="mpegts")
    with listening(canary.read_bytes()) as (address, asked), watching(canary) as watch:
        for number, data in enumerate(traps(canary, address).values()):
            assert WAYS[number % len(WAYS)](server, data).status_code < 500
        assert not watch.noticed()
        assert asked == []


def test_playlists_as_videos_open_nothing(server: Served, store: Store) -> None:
    """Neither an address nor what lies in the same folder, whatever the upload is called."""
    folder = store.clips / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    canary = write_video(folder / "canary.ts", numbered_frames(10, 160, 96), 25, format="mpegts")
    names = ("film.mp4", "film.m3u8", "film.ffconcat", "../film.sdp", "http://127.0.0.1/film.mpd")
    with listening(canary.read_bytes()) as (address, asked), watching(canary) as watch:
        for number, (kind, data) in enumerate(traps(canary, address).items()):
            sent = _send(server, data, name=names[number % len(names)], title=kind)
            failed = _over(server, sent.json()["id"])
            assert failed["state"] == "failed", kind
            assert str(folder) not in json.dumps(failed)
        assert not watch.noticed()
        assert asked == []
    assert store.sessions() == ()


def test_broken_videos_fail_in_words(server: Served, store: Store, tmp_path: Path) -> None:
    """The queue goes on, and nothing of them stays."""
    good = write_video(tmp_path / "good.mp4", numbered_frames(20, 160, 96), 25).read_bytes()
    large = write_video(tmp_path / "large.mp4", numbered_frames(2, 1280, 960), 25).read_bytes()
    header = good.index(b"moov")
    sides = b"\0\xa0\0\x60\0\x48\0\0"  # of the sample entry, and its resolution
    assert sides in good
    broken = {
        "nothing": b"",
        "text": b"no video\n" * 100,
        "cut in its index": good[: header + 40],
        "cut before its index": good[: header // 2],
        "only its beginning": good[:32],
        "a picture": GOOD[".jpg"],
        "more pixels than allowed": large,
        "sizes that lie": good.replace(sides, b"\xff\xff\xff\xff\0\x48\0\0"),
        "NUL bytes": b"\0" * 100_000,
        "an endless box": struct.pack(">I", 1) + b"ftyp" + b"\xff" * 64,
    }
    for what, data in broken.items():
        sent = _send(server, data, title=what)
        assert sent.status_code == 201, what
        ended = _over(server, sent.json()["id"])
        assert ended["state"] == "failed" or ended["error"] is not None or what == "sizes that lie", (what, ended)
        assert ended["error"] is None or "Something broke" not in ended["error"]["text"], what
    done = _over(server, _send(server, good, title="good").json()["id"])
    assert done["state"] == "done"


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=20), cut=st.floats(0.3, 1)
)
def test_damaged_videos_end_their_jobs(
    server: Served, film: bytes, changes: list[tuple[float, int]], cut: float
) -> None:
    data = bytearray(film)
    for place, value in changes:
        data[min(len(data) - 1, int(place * len(data)))] = value
    ended = _over(server, _send(server, bytes(data[: int(cut * len(data))]), title="x").json()["id"])
    assert ended["state"] in ("done", "failed")
    assert ended["error"] is None or "Something broke" not in ended["error"]["text"]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_video(tmp_path_factory.mktemp("film") / "a.mp4", numbered_frames(10, 160, 96), 25).read_bytes()

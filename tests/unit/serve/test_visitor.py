"""The visitor's camera."""

import json
import struct
import time

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimik.errors import SourceError
from mimik.serve import create_app
from mimik.serve.limits import Limits
from mimik.serve.messages import PICTURE_HEADER
from mimik.serve.visitor import VisitorCamera
from mimik.types import FrameResult
from tests.fakes import fake_pipeline
from tests.serving import served

LIMITS = Limits()


class Camera(VisitorCamera):
    """One that reads by itself, as the scheduler does for many."""

    def __init__(self) -> None:
        self.pipeline = fake_pipeline()
        super().__init__(self.pipeline, LIMITS)

    def read(self, message: bytes, arrived_s: float = 0.0) -> FrameResult:
        frame = self.frame(message, arrived_s)
        return self.place(frame, self.pipeline.read(frame.image, look=False))


def _picture(width: int = 160, height: int = 90, suffix: str = ".jpg") -> bytes:
    return cv2.imencode(suffix, np.zeros((height, width, 3), np.uint8))[1].tobytes()


def _message(number: int, seconds: float, picture: bytes | None = None) -> bytes:
    return PICTURE_HEADER.pack(number, seconds) + (_picture() if picture is None else picture)


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_reads_what_browsers_encode(suffix: str) -> None:
    result = Camera().read(_message(5, 10.0, _picture(suffix=suffix)), time.perf_counter())
    assert (result.frame.index, result.frame.time_s, result.frame.image.shape) == (0, 0.0, (90, 160, 3))
    assert result.faces[0].label == "happy"


def test_times_are_the_browsers_and_never_run_backwards() -> None:
    camera = Camera()
    times = [camera.read(_message(i, at)).frame.time_s for i, at in enumerate((100.0, 100.5, 99.0, 101.0))]
    assert times == [0.0, 0.5, 0.5, 1.0]


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\0" * 5,
        PICTURE_HEADER.pack(1, 0.0),
        _message(1, float("nan")),
        _message(1, float("inf")),
        _message(1, 0.0, b"no picture at all"),
        _message(1, 0.0, _picture()[:150]),
        _message(1, 0.0, _picture(suffix=".png")),
        _message(1, 0.0, _picture(2000, 40)),
        _message(1, 0.0, _picture(8, 8)),
        _message(1, 0.0, b"\xff" * LIMITS.frame),
    ],
    ids=["empty", "short", "bare", "nan", "inf", "text", "cut", "png", "wide", "tiny", "heavy"],
)
def test_bad_pictures_are_refused(message: bytes) -> None:
    with pytest.raises(SourceError):
        Camera().read(message)


@pytest.mark.timing
def test_a_bomb_is_refused_by_its_header() -> None:
    """A JPEG that claims 30,000 × 30,000 pixels is never unpacked."""
    picture = bytearray(_picture())
    size = picture.index(b"\xff\xc0") + 5
    picture[size : size + 4] = struct.pack(">HH", 30_000, 30_000)
    began = time.perf_counter()
    with pytest.raises(SourceError):
        Camera().read(_message(1, 0.0, bytes(picture)), 0.0)
    assert time.perf_counter() - began < 0.5


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_refused_in_words(message: bytes) -> None:
    with pytest.raises(SourceError):
        Camera().read(message, 0.0)


def test_a_bad_picture_does_not_end_the_session() -> None:
    """An error message that carries the picture's number, and the next picture is read."""
    with served(create_app(fake_pipeline())) as server, server.socket("/ws/camera") as socket:
        assert json.loads(socket.recv(5))["type"] == "hello"
        socket.send(_message(1, 0.0, b"broken"))
        error = json.loads(socket.recv(5))
        assert (error["type"], error["index"]) == ("error", 1)
        socket.send("text is no picture")
        assert json.loads(socket.recv(5))["type"] == "error"
        socket.send(_message(2, 0.1))
        result = json.loads(socket.recv(5))
        assert (result["type"], result["index"], len(result["faces"])) == ("result", 2, 1)


def test_every_visitor_has_people_of_their_own() -> None:
    """Two connections at once, each numbered from 1."""
    with (
        served(create_app(fake_pipeline())) as server,
        server.socket("/ws/camera") as one,
        server.socket("/ws/camera") as two,
    ):
        for socket in (one, two):
            assert json.loads(socket.recv(5))["type"] == "hello"
            socket.send(_message(1, 0.0))
            assert json.loads(socket.recv(5))["faces"][0]["id"] == 1

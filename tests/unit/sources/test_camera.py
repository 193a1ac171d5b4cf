"""Cameras, with captures that fail and come back."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice, pairwise

import numpy as np
import pytest

from mimik.errors import SourceError
from mimik.sources import Camera, reconnect
from mimik.types import Image, Source, SourceKind

PICTURE = np.zeros((4, 6, 3), np.uint8)


class FakeCapture:
    """Gives so many pictures at 200 a second, then fails."""

    def __init__(self, pictures: float, opened: bool = True) -> None:
        self.pictures = pictures
        self.opened = opened
        self.released = False
        self.wanted: dict[int, float] = {}

    def isOpened(self) -> bool:  # noqa: N802
        return self.opened

    def set(self, property_id: int, value: float, /) -> bool:
        self.wanted[property_id] = value
        return True

    def read(self) -> tuple[bool, Image | None]:
        time.sleep(0.005)
        self.pictures -= 1
        return (True, PICTURE.copy()) if self.pictures >= 0 else (False, None)

    def release(self) -> None:
        self.released = True


def opener(captures: list[FakeCapture]) -> Callable[[int], FakeCapture]:
    waiting: Iterator[FakeCapture] = iter(captures)
    return lambda index: next(waiting)


@pytest.fixture
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(reconnect, "LONGEST_WAIT_S", 0.04)


def test_no_such_camera_says_what_to_do(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match=r"Camera 97 cannot be opened.*mimik doctor"):
        Camera(97)
    output = capfd.readouterr()
    assert output.out + output.err == ""


def test_frames_are_numbered_and_timed() -> None:
    capture = FakeCapture(float("inf"))
    camera = Camera(3, width=640, height=480, capture=opener([capture]))
    assert isinstance(camera, Source)
    assert camera.kind is SourceKind.LIVE
    assert camera.name == "camera 3"
    assert sorted(capture.wanted.values()) == [480, 640]
    before = time.perf_counter()
    frames = list(islice(camera, 5))
    assert frames[0].time_s == 0
    assert all(a.index < b.index and a.time_s < b.time_s for a, b in pairwise(frames))
    assert all(frame.captured_s > before and frame.source == "camera 3" for frame in frames)
    deadline = time.perf_counter() + 20
    while not capture.released and time.perf_counter() < deadline:
        time.sleep(0.01)
    assert capture.released, "leaving the iteration closes the camera"


@pytest.mark.usefixtures("_hasty")
def test_a_camera_that_vanishes_comes_back() -> None:
    notices: list[str] = []
    captures = [FakeCapture(3), *(FakeCapture(0, opened=False) for _ in range(3)), FakeCapture(0), FakeCapture(1e9)]
    camera = Camera(0, capture=opener(captures), notice=lambda text, values: notices.append(text.format(**values)))
    frames = []
    for frame in camera:
        frames.append(frame)
        if any("back" in notice for notice in notices):
            break
    waits = [0.01, 0.02, 0.04, 0.04, 0.04]
    assert notices == [f"camera 0: lost; trying again in {wait} s" for wait in waits] + ["camera 0: back"]
    assert frames[-1].index >= 3
    assert frames[-1].time_s > sum(waits)
    assert all(capture.released for capture in captures[:-1])


def test_the_wait_starts_anew_after_each_return(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect, "FIRST_WAIT_S", 0.01)
    waits: list[object] = []
    camera = Camera(
        0,
        capture=opener([FakeCapture(2), FakeCapture(2), FakeCapture(2), FakeCapture(0), FakeCapture(1e9)]),
        notice=lambda text, values: waits.append(values.get("seconds")),
    )
    for _ in camera:
        if waits.count(None) == 3:
            break
    assert waits == [0.01, None, 0.01, None, 0.01, 0.02, None]


@pytest.mark.timing
def test_closing_interrupts_the_wait() -> None:
    lost = threading.Event()
    camera = Camera(0, capture=opener([FakeCapture(1)]), notice=lambda text, values: lost.set())

    def close() -> None:
        lost.wait(5)
        camera.close()

    threading.Thread(target=close).start()
    start = time.perf_counter()
    assert len(list(camera)) <= 1
    assert time.perf_counter() - start < 1


@pytest.mark.timing
def test_closing_does_not_wait_for_a_blocked_driver() -> None:
    class Stuck(FakeCapture):
        def read(self) -> tuple[bool, Image | None]:
            time.sleep(3)
            return False, None

    camera = Camera(0, capture=opener([Stuck(0)]))
    threading.Timer(0.1, camera.close).start()
    start = time.perf_counter()
    assert list(camera) == []
    assert time.perf_counter() - start < 1


def test_a_camera_closed_before_it_was_read_is_released() -> None:
    capture = FakeCapture(5)
    camera = Camera(0, capture=opener([capture]))
    camera.close()
    assert capture.released
    assert list(camera) == []


def test_a_second_iteration_is_refused() -> None:
    camera = Camera(0, capture=opener([FakeCapture(1e9)]))
    iterator = iter(camera)
    next(iterator)
    with pytest.raises(SourceError, match="was read already"):
        next(iter(camera))
    camera.close()


def test_what_breaks_unexpectedly_reaches_the_reader() -> None:
    class Broken(FakeCapture):
        def read(self) -> tuple[bool, Image | None]:
            raise RuntimeError("driver")

    with pytest.raises(RuntimeError, match="driver"):
        list(Camera(0, capture=opener([Broken(0)])))

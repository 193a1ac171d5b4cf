"""The bundled source: the same pictures always, at their time, cheaply."""

import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from mimik.errors import SourceError
from mimik.sources import Demo
from mimik.sources import demo as demo_module
from mimik.types import Source, SourceKind


def test_the_same_pictures_always() -> None:
    first, second = Demo(seconds=0.5, paced=False), Demo(seconds=0.5, paced=False)
    frames = list(first)
    assert isinstance(first, Source)
    assert first.kind is SourceKind.VIDEO
    assert [frame.index for frame in frames] == list(range(15))
    assert [frame.time_s for frame in frames] == pytest.approx([i / 30 for i in range(15)])
    assert all(np.array_equal(a.image, b.image) for a, b in zip(frames, second, strict=True))
    assert frames[0].image.shape == (360, 640, 3)
    assert frames[0].image.flags.writeable


def test_it_moves_and_loops() -> None:
    demo = Demo(paced=False)
    moments = [demo.picture(30 * second).astype(np.int16) for second in range(0, 26, 2)]
    for before, after in pairwise(moments):
        assert np.abs(before - after).mean() > 3
    ends = [demo_module._pose(second)[:3] for second in (0.0, 25.999)]
    assert ends[0] == pytest.approx(ends[1], rel=0.05), "the loop has no jump"


@pytest.mark.parametrize("size", [(320, 180), (640, 480), (1280, 720)])
def test_other_sizes(size: tuple[int, int]) -> None:
    assert Demo(size=size).picture(0).shape == (size[1], size[0], 3)


@pytest.mark.timing
def test_it_keeps_its_pace() -> None:
    demo = Demo(seconds=0.6, fps=50)
    assert demo.kind is SourceKind.LIVE
    start = time.perf_counter()
    frames = list(demo)
    assert 0.55 < time.perf_counter() - start < 0.9
    assert 20 <= len(frames) <= 30
    assert all(frame.captured_s - start >= frame.time_s - 0.01 for frame in frames)


@pytest.mark.timing
def test_who_is_late_misses_pictures_and_meets_no_burst() -> None:
    iterator = iter(Demo(fps=100, size=(64, 36)))
    next(iterator)
    time.sleep(0.2)
    assert 15 <= next(iterator).index <= 60
    iterator.close()  # type: ignore[attr-defined]


@pytest.mark.timing
def test_closing_wakes_it() -> None:
    demo = Demo(fps=0.1)
    iterator = iter(demo)
    next(iterator)
    threading.Timer(0.1, demo.close).start()
    start = time.perf_counter()
    assert list(iterator) == []
    assert time.perf_counter() - start < 1


@pytest.mark.timing
def test_it_is_cheap() -> None:
    demo = Demo()
    times = []
    for index in range(100):
        start = time.perf_counter()
        demo.picture(index * 7)
        times.append(time.perf_counter() - start)
    assert np.percentile(times, 25) < 0.006, "3 ms on an idle machine; a busy one gets twice the time"


def test_a_missing_picture_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_module, "_PORTRAITS", ((Path("gone") / "grace-hopper.jpg", (150, 200), 0.9),))
    with pytest.raises(SourceError, match=r"grace-hopper\.jpg"):
        Demo()

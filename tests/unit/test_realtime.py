"""Capture and inference apart, with fake stages and a paced source."""

import threading
import time

import pytest

from mimik.errors import SourceError
from mimik.realtime import Realtime
from mimik.types import SourceKind
from tests.fakes import FakeClassifier, FakeSource, fake_pipeline

pytestmark = pytest.mark.timing


def live(frames: int, fps: float, pause_s: float = 0.0, error: Exception | None = None) -> Realtime:
    pipeline = fake_pipeline(classifier=FakeClassifier(pause_s=pause_s))
    source = FakeSource(frames, fps, SourceKind.LIVE, error)
    return Realtime(source, pipeline.stream(SourceKind.LIVE))


def test_the_picture_keeps_the_camera_rate_while_the_network_takes_half_a_second() -> None:
    with live(frames=60, fps=30, pause_s=0.5) as realtime:
        started = time.perf_counter()
        shown = [frame.index for frame, _ in realtime.frames()]
        took = time.perf_counter() - started
    assert len(shown) >= 54, "at least nine in ten frames are shown"
    assert took < 60 / 30 + 1.2, "and at the camera's pace: the end waits for one last reading at most"
    statistics = realtime.statistics()
    assert statistics.dropped >= 45


def test_the_newest_frame_wins_and_the_dropped_are_counted() -> None:
    with live(frames=40, fps=80, pause_s=0.05) as realtime:
        results = list(realtime.results())
    indices = [result.frame.index for result in results]
    assert indices == sorted(set(indices))
    assert len(indices) < 30
    read_or_dropped = sum(1 + result.dropped for result in results)
    assert read_or_dropped == indices[-1] + 1
    # A result is never of a frame that was stale when its reading began.
    assert max(result.latency_ms for result in results) < 50 + 1000 / 80 + 100


def test_the_last_frame_of_a_source_that_ends_is_read() -> None:
    with live(frames=10, fps=100, pause_s=0.02) as realtime:
        assert list(realtime.results())[-1].frame.index == 9


def test_the_errors_of_a_source_reach_every_consumer() -> None:
    with live(frames=5, fps=100, error=SourceError("{source}: gone", source="camera 0")) as realtime:
        with pytest.raises(SourceError, match="camera 0: gone"):
            list(realtime.results())
        with pytest.raises(SourceError, match="camera 0: gone"):
            list(realtime.frames())


def test_closing_ends_the_iteration_of_another_thread() -> None:
    realtime = live(frames=100_000, fps=50)
    ended = threading.Event()

    def watch() -> None:
        for _ in realtime.frames():
            pass
        ended.set()

    with realtime:
        threading.Thread(target=watch, daemon=True).start()
        time.sleep(0.1)
    assert ended.wait(2)


def test_statistics_tell_rates_and_latency() -> None:
    with live(frames=60, fps=60, pause_s=0.005) as realtime:
        for result in realtime.results():
            if result.frame.index > 50:
                break
        statistics = realtime.statistics()
    assert 40 < statistics.capture_fps < 90
    assert 4 < statistics.latency_p50_ms <= statistics.latency_p95_ms < 200

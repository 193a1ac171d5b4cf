"""Capture and inference apart: the newest frame wins, and the picture never waits for the network."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from mimik.types import Frame, FrameResult, Source

__all__ = ["Realtime", "RealtimeStatistics"]

_WINDOW_S = 5.0


class _Processor(Protocol):
    def process(self, frame: Frame, dropped: int = 0) -> FrameResult: ...


@dataclass(frozen=True, slots=True)
class RealtimeStatistics:
    """How a live run goes, over its last five seconds; `dropped` counts from its start.

    Attributes:
        capture_fps: frames captured a second.
        result_fps: frames read a second.
        latency_p50_ms: median time from capture to result; 0 before the first result.
        latency_p95_ms: time from capture to result that one in twenty exceeds; 0 before the first result.
        dropped: frames captured but never read.
    """

    capture_fps: float
    result_fps: float
    latency_p50_ms: float
    latency_p95_ms: float
    dropped: int


class Realtime:
    """Runs a live source and a stream in a thread each, with one place for the newest frame between them.

    Use as a context manager. Any number of threads may wait for frames and results.

    Args:
        source: what to capture.
        stream: what reads the frames (`mimik.pipeline.Stream`).
    """

    def __init__(self, source: Source, stream: _Processor) -> None:
        self._source = source
        self._stream = stream
        self._news = threading.Condition()
        self._frame: Frame | None = None
        self._frames = 0
        self._result: FrameResult | None = None
        self._results = 0
        self._dropped = 0
        self._captured_all = False
        self._ended = False
        self._closing = False
        self._error: BaseException | None = None
        self._captured: deque[float] = deque()
        self._read: deque[tuple[float, float]] = deque()
        self._threads = [
            threading.Thread(target=self._guard, args=(work,), name=f"mimik-{work.__name__.strip('_')}", daemon=True)
            for work in (self._capture, self._infer)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        for thread in self._threads:
            thread.join(timeout=5)

    def close(self) -> None:
        """Stop both threads; iterations of `frames` and `results` end."""
        with self._news:
            self._closing = True
            self._news.notify_all()
        self._source.close()

    def frames(self) -> Iterator[tuple[Frame, FrameResult | None]]:
        """Each newest frame as it is captured, with the latest result known by then (of an earlier frame, mostly).

        Raises:
            SourceError: the source broke.
        """
        seen = 0
        while True:
            with self._news:
                self._news.wait_for(lambda: self._frames > seen or self._over())
                if self._frames == seen:
                    self._raise()
                    return
                seen, frame, result = self._frames, self._frame, self._result
            assert frame is not None
            yield frame, result

    def results(self) -> Iterator[FrameResult]:
        """Each newest result as it comes.

        Raises:
            SourceError: the source broke.
        """
        seen = 0
        while True:
            with self._news:
                self._news.wait_for(lambda: self._results > seen or self._over())
                if self._results == seen:
                    self._raise()
                    return
                seen, result = self._results, self._result
            assert result is not None
            yield result

    def statistics(self) -> RealtimeStatistics:
        """How the run goes just now."""
        with self._news:
            now = time.perf_counter()
            self._forget(now)
            latencies = [latency for _, latency in self._read]
            p50, p95 = np.percentile(latencies, [50, 95]) if latencies else (0.0, 0.0)
            return RealtimeStatistics(
                capture_fps=_rate(list(self._captured), now),
                result_fps=_rate([when for when, _ in self._read], now),
                latency_p50_ms=float(p50),
                latency_p95_ms=float(p95),
                dropped=self._dropped,
            )

    def _over(self) -> bool:
        return self._ended or self._closing or self._error is not None

    def _raise(self) -> None:
        if self._error is not None and not self._closing:
            raise self._error

    def _guard(self, work: object) -> None:
        """Run a thread's work; what it raises reaches whoever iterates."""
        assert callable(work)
        try:
            work()
        except BaseException as error:  # handed on whole, to be raised in the consumer's thread
            with self._news:
                self._error = error
                self._news.notify_all()

    def _capture(self) -> None:
        for frame in self._source:
            with self._news:
                if self._closing:
                    return
                self._frame = frame
                self._frames += 1
                self._captured.append(time.perf_counter())
                self._forget(self._captured[-1])
                self._news.notify_all()
        with self._news:
            self._captured_all = True
            self._news.notify_all()

    def _infer(self) -> None:
        seen = 0
        while True:
            with self._news:
                self._news.wait_for(lambda: self._frames > seen or self._captured_all or self._over())
                if self._closing or self._error is not None:
                    return
                if self._frames == seen:
                    self._ended = True
                    self._news.notify_all()
                    return
                dropped, seen, frame = self._frames - seen - 1, self._frames, self._frame
                self._dropped += dropped
            assert frame is not None
            result = self._stream.process(frame, dropped)
            with self._news:
                self._result = result
                self._results += 1
                self._read.append((time.perf_counter(), result.latency_ms))
                self._news.notify_all()

    def _forget(self, now: float) -> None:
        while self._captured and self._captured[0] < now - _WINDOW_S:
            self._captured.popleft()
        while self._read and self._read[0][0] < now - _WINDOW_S:
            self._read.popleft()


def _rate(times: list[float], now: float) -> float:
    """Events a second over the time since the first of them."""
    if len(times) < 2:
        return 0.0
    return len(times) / max(now - times[0], 1e-3)

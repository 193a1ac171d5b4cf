"""Where a frame's time goes: a clock around each stage of a pipeline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from mimik.types import Frame, SourceKind

if TYPE_CHECKING:
    from mimik.types import Source

__all__ = ["STAGES", "StageClock"]

STAGES = {
    "decode": ("",),
    "detect": ("detect", "find"),
    "gate": ("judge",),
    "align": ("align",),
    "classify": ("classify",),
    "track": ("track",),
    "smooth": ("smooth",),
}
"""The stages, in the line's order, and each one's methods that are timed."""


class StageClock:
    """Counts the calls and the seconds of each stage; wraps what `mimik.load.load` builds. Safe between threads.

    Args:
        now: the clock; `time.thread_time` counts what the calling thread computes, and no waiting.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self.now = now
        self._lock = threading.Lock()
        self._seconds: dict[str, float] = {}
        self._calls: dict[str, int] = {}

    def around(self, name: str, stage: Any) -> Any:
        """The same stage with a clock around the methods that do its work."""
        return _Timed(self, name, stage)

    def source(self, source: Source) -> Source:
        """The same source, the time of its frames counted as ``decode``."""
        return _TimedSource(self, source)

    def clear(self) -> None:
        """Begin anew, after warm-up."""
        with self._lock:
            self._seconds.clear()
            self._calls.clear()

    def table(self) -> dict[str, tuple[float, int]]:
        """Stage → seconds and calls so far, in the line's order; stages that were never called are left out."""
        with self._lock:
            return {name: (self._seconds[name], self._calls[name]) for name in STAGES if name in self._seconds}

    def add(self, name: str, seconds: float) -> None:
        """Count one call."""
        with self._lock:
            self._seconds[name] = self._seconds.get(name, 0.0) + seconds
            self._calls[name] = self._calls.get(name, 0) + 1


class _Timed:
    def __init__(self, clock: StageClock, name: str, stage: Any) -> None:
        self._stage = stage
        for method in filter(partial(hasattr, stage), STAGES[name]):
            setattr(self, method, self._clocked(clock, name, getattr(stage, method)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage, name)

    @staticmethod
    def _clocked(clock: StageClock, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def work(*given: Any, **named: Any) -> Any:
            start = clock.now()
            try:
                return method(*given, **named)
            finally:
                clock.add(name, clock.now() - start)

        return work


class _TimedSource:
    def __init__(self, clock: StageClock, source: Source) -> None:
        self._clock = clock
        self._source = source
        self.kind: SourceKind = source.kind
        self.name: str = source.name

    def __getattr__(self, name: str) -> Any:  # such as a video's `frame_count`
        return getattr(self._source, name)

    def __iter__(self) -> Iterator[Frame]:
        frames = iter(self._source)
        while True:
            start = self._clock.now()
            frame = next(frames, None)
            if frame is None:
                return
            self._clock.add("decode", self._clock.now() - start)
            yield frame

    def close(self) -> None:
        self._source.close()

"""Recordings and pictures at a person's pace."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

from mimik.types import Frame, Source, SourceKind

__all__ = ["Paced"]

_PICTURE_S = 3.0


class Paced:
    """A recording at the pace of its own time stamps, or pictures every three seconds, as a camera would give them.

    Args:
        source: a source that gives its frames as fast as they are asked for.
        start_s: how far a recording has played already: what lies before is left out.
    """

    kind = SourceKind.LIVE

    def __init__(self, source: Source, start_s: float = 0.0) -> None:
        self.name = source.name
        self._start_s = start_s
        self._source = source
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        start = time.perf_counter() - self._start_s
        pictures = self._source.kind is SourceKind.PICTURES
        for number, frame in enumerate(self._source):
            due_s = number * _PICTURE_S if pictures else frame.time_s
            if due_s < self._start_s:
                if self._closed.is_set():
                    return
                continue
            if self._closed.wait(max(0.0, start + due_s - time.perf_counter())):
                return
            yield replace(frame, time_s=due_s, captured_s=time.perf_counter())
        if pictures:
            self._closed.wait(_PICTURE_S)

    def close(self) -> None:
        """End the iteration."""
        self._closed.set()
        self._source.close()

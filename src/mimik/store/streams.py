"""Frames and people of streams that follow each other, on one time line and numbered on."""

from __future__ import annotations

from mimik.types import Frame

__all__ = ["Streams"]


class Streams:
    """Knows where the present stream begins. Not safe between threads by itself.

    Attributes:
        offset: what is added to the present stream's track ids.
    """

    def __init__(self) -> None:
        self.offset = 0
        self._people = 0
        self._index = -1
        self._source_s = 0.0
        self._base_s = 0.0

    def begin(self) -> None:
        """The next frame is another stream's first."""
        if self._index >= 0:
            self.offset, self._index = self._people, -1
            self._base_s += self._source_s

    def take(self, frame: Frame) -> None:
        """Take the next frame; one whose index does not grow begins a stream."""
        if frame.index <= self._index:
            self.begin()
        self._index, self._source_s = frame.index, frame.time_s

    def time_of(self, frame: Frame) -> float:
        """Seconds since the first stream's beginning."""
        return frame.time_s + self._base_s

    def number(self, track_id: int) -> int:
        """A person's number, which nobody of an earlier stream has."""
        number = track_id + self.offset
        self._people = max(self._people, number)
        return number

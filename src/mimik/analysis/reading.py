"""Frames of a recording → their faces, with every core at work: several turns of the recording are read at a time."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext

from mimik.errors import SourceError
from mimik.pipeline import Pipeline, look_due
from mimik.types import Face, Finder, Frame

__all__ = ["Pace", "Readings", "due", "read_alone", "read_turns"]

Readings = Generator[tuple[Frame, tuple[Face, ...]], None, None]
"""Frames, whose pixels may be gone, and their faces."""

Pace = Callable[[], AbstractContextManager[None]]
"""Makes what is entered around each piece of work, by the thread that does it: it may wait before it lets go."""

_Read = list[tuple[Frame, tuple[Face, ...]]]

_MOST = 32
_MEGAPIXELS = 48.0
"""A part of a turn that is read together is no longer than this, in frames and in all their pixels."""

_TOGETHER = 64

_MEGAPIXELS_TOGETHER = 192.0
"""All parts that are under way; decoded pictures take one and a half bytes a pixel."""


def read_alone(pipeline: Pipeline, frames: Iterable[Frame]) -> Readings:
    """Pictures and their faces, each without memory of any other."""
    for frame in frames:
        yield frame, pipeline.read(frame.image)


def read_turns(
    pipeline: Pipeline,
    frames: Iterable[Frame],
    last: tuple[int, float] | None = None,
    fps: float | None = None,
    pace: Pace = nullcontext,
) -> Readings:
    """A video's frames and their faces, as `Pipeline.read_found` gives them, in order.

    What is read depends on no frame before the turn (`Pipeline.turn`) in which it lies: turns are read at the same
    time, and whoever begins at any turn reads the same from there on.

    Args:
        pipeline: what reads them.
        frames: from the beginning of a turn on.
        last: index and time of the frame that was read last, in an earlier run; None: none was.
        fps: read so many frames of a second; None: all.
        pace: around the search in each frame, and around the reading of some faces that were found; what it raises
            ends the reading.
    """
    last_s = last and last[1]
    under_way: deque[_Part] = deque()
    part = _Part(pipeline, pace)
    broken: SourceError | None = None
    with ThreadPoolExecutor(pipeline.workers, "mimik-read") as readers, ExitStack() as at_the_end:
        # Whoever stops in the middle waits for what is being read, not for what is to be.
        at_the_end.callback(readers.shutdown, wait=False, cancel_futures=True)
        given = iter(frames)
        while True:
            try:
                frame = next(given, None)
            except SourceError as error:  # what was decoded before it is read first
                frame, broken = None, error
            if frame is not None and not due(frame.time_s, last_s, fps):
                continue
            turns = frame is not None and pipeline.turn(frame.time_s, last_s)
            if part.frames and (frame is None or turns or part.full):
                part.begin(readers)
                under_way.append(part)
                part = _Part(pipeline, pace, None if turns else part)
            while under_way and (
                frame is None
                or len(under_way) > pipeline.workers
                or sum(held.pixels for held in under_way) > _MEGAPIXELS_TOGETHER * 1e6
            ):
                yield from under_way.popleft().result()
            if frame is None:
                break
            part.add(frame, look=pipeline.attributes and look_due(frame.time_s, last_s))
            last_s = frame.time_s
    if broken is not None:
        raise broken


class _Part:
    """A turn, or a part of a long one.

    Args:
        pipeline: what reads it.
        pace: see `read_turns`.
        before: the part before it of the same turn; None: it begins one.

    Attributes:
        frames: those in it, each with whether it is looked at for age and gender.
        pixels: how many they have together.
    """

    def __init__(self, pipeline: Pipeline, pace: Pace, before: _Part | None = None) -> None:
        self.frames: list[tuple[Frame, bool]] = []
        self.pixels = 0
        self._pipeline = pipeline
        self._pace = pace
        self._reading: Future[_Read] | None = None
        self._before = None if before is None else before._reading
        self._finder: Finder = pipeline.finder() if before is None else before._finder

    @property
    def full(self) -> bool:
        """Whether no more frames should be added."""
        return len(self.frames) >= _MOST or self.pixels >= _MEGAPIXELS * 1e6

    def add(self, frame: Frame, look: bool) -> None:
        """Put the next frame in."""
        self.frames.append((frame, look))
        self.pixels += math.prod(frame.size)

    def begin(self, readers: ThreadPoolExecutor) -> None:
        """Let a thread read it; parts of a turn in their order."""
        self._reading = readers.submit(self._read)

    def result(self) -> _Read:
        """Its frames and their faces, once they are read."""
        assert self._reading is not None
        return self._reading.result()

    def _read(self) -> _Read:
        """Find and read the faces, once the part before has done so."""
        if self._before is not None:
            self._before.result()  # begun earlier, so never behind this in the round
        cuts, kept = [], []
        for number, (frame, look) in enumerate(self.frames):
            with self._pace():
                cuts.append(self._pipeline.cut(frame, self._finder.find(frame)))
            kept.append((frame if look else frame.without_pixels(), look))
            self.frames[number] = kept[-1]
        # Who they are is not known yet: all are looked at, at the times at which `Stream.place` would.
        read: _Read = []
        for first, last in _pieces([len(faces) for faces in cuts]):
            with self._pace():
                read += [
                    (frame.without_pixels(), self._pipeline.look(frame, faces) if look else faces)
                    for (frame, look), faces in zip(
                        kept[first:last], self._pipeline.classify(cuts[first:last]), strict=True
                    )
                ]
        return read


def _pieces(counts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Stretches of frames with some `_TOGETHER` faces each: a batch as good as a larger one, and no long wait."""
    first = faces = 0
    for place, count in enumerate(counts):
        faces += count
        if faces >= _TOGETHER or place == len(counts) - 1:
            yield first, place + 1
            first, faces = place + 1, 0


def due(time_s: float, last_s: float | None, fps: float | None) -> bool:
    """Whether a frame is the first of its turn at `fps`, given the time of the frame that was read last."""
    if fps is None or last_s is None:
        return True
    # A millionth of a turn: times that lie on its edge must not fall to either side by rounding.
    return math.floor(time_s * fps + 1e-6) > math.floor(last_s * fps + 1e-6)

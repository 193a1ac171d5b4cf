"""Inputs cut into segments that can be read apart and joined again.

A stream searches whole frames at the first frame of each turn (`mimik.config.Settings.search_s`) and remembers nothing
from the turn before. So a segment that begins with a turn is read as if all before it had been read, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from mimik.errors import SourceError
from mimik.pipeline import LOOKS_A_SECOND
from mimik.sources import is_picture
from mimik.sources.segments import Part, VideoIndex, index_video

__all__ = ["SEGMENT_S", "Grid", "Segment", "Task", "cut"]

SEGMENT_S = 30.0
"""About how many seconds of video a segment has: some seconds' work, and little to do again where it is lost."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Where videos may be cut: at the first frame of every so many turns.

    Attributes:
        turn_s: a turn's seconds.
        turns: turns from one cut to the next.
    """

    turn_s: float
    turns: int

    @staticmethod
    def plan(search_s: float, attributes: bool, segment_s: float = SEGMENT_S) -> Grid:
        """The grid for a pipeline.

        Args:
            search_s: how often it searches whole frames, seconds; 0: always, so that every frame could begin a segment.
            attributes: whether it also looks for age and gender, which has turns of its own: cuts lie where both begin.
            segment_s: about how long segments shall be.
        """
        turn = Fraction(str(search_s)) if search_s else Fraction(1)
        step = turn
        if attributes:
            look = Fraction(1, LOOKS_A_SECOND)
            step = Fraction(math.lcm(turn.numerator, look.numerator), math.gcd(turn.denominator, look.denominator))
        steps = max(1, round(Fraction(str(segment_s)) / step))
        return Grid(float(turn), int(step / turn) * steps)

    def turn(self, time_s: float) -> int:
        """The turn of a frame."""
        # A millionth more, as the pipeline has it: times on a turn's edge must not fall to either side by rounding.
        return math.floor(time_s / self.turn_s + 1e-6)


@dataclass(frozen=True, slots=True)
class Task:
    """An input, or what is left of it.

    Attributes:
        number: the input's, from 0.
        path: its file, in full.
        name: as it was given, which errors repeat.
        grid: where it may be cut.
        after: index and time of the last frame that was read before; None: it is to be read from its beginning.
        size: bytes that the file has; None: the driver does not see it.
        whole: do not cut it.
    """

    number: int
    path: str
    name: str
    grid: Grid
    after: tuple[int, float] | None = None
    size: int | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """Frames of an input that one worker reads.

    Attributes:
        task: the input.
        place: which segment of it, from 0.
        count: how many segments it has.
        start: index of the first frame to read.
        previous_s: the time of the frame before; None: there is none.
        part: the frames; None: all from `start` on.
        share: its share of what is left of the input, 0–1.
    """

    task: Task
    place: int = 0
    count: int = 1
    start: int = 0
    previous_s: float | None = None
    part: Part | None = None
    share: float = 1.0


def cut(task: Task) -> Iterator[Segment]:
    """An input's segments, in order: one, where it cannot be cut."""
    rest = Segment(
        task,
        start=0 if task.after is None else task.after[0] + 1,
        previous_s=None if task.after is None else task.after[1],
    )
    index = None
    if not (task.whole or is_picture(Path(task.path))):
        with suppress(SourceError):  # reading it will say so
            index = index_video(task.path)
    if index is None or not _agrees(index, task):
        yield rest
        return
    begins = list(_begins(index, rest.start, task.grid))
    if len(begins) < 2:
        yield rest
        return
    frames = len(index.stamps)
    for place, (first, end) in enumerate(zip(begins, [*begins[1:], frames], strict=True)):
        yield Segment(
            task,
            place=place,
            count=len(begins),
            start=first,
            previous_s=float(index.times_s[first - 1]) if first else None,
            part=index.part(first, end),
            share=(end - first) / (frames - rest.start),
        )


def _agrees(index: VideoIndex, task: Task) -> bool:
    """Whether the frames that were read before are those that the packets tell of."""
    if task.after is None:
        return True
    last, time_s = task.after
    return last < len(index.times_s) and float(index.times_s[last]) == time_s


def _begins(index: VideoIndex, start: int, grid: Grid) -> Iterator[int]:
    """Indices of the segments' first frames. No frame is decoded more than twice: a segment that would have to be
    decoded from before the one before it belongs to that one.
    """
    if start >= len(index.times_s):
        return
    yield start
    before, cell = start, grid.turn(float(index.times_s[start])) // grid.turns
    for place in range(start + 1, len(index.times_s)):
        here = grid.turn(float(index.times_s[place])) // grid.turns
        if here > cell and index.begin(place) >= before:
            yield place
            before = place
        cell = here

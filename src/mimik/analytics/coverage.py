"""How much of a session was recorded, seen and read, and what to be careful about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mimik.analytics.base import Caution, say
from mimik.analytics.results import Coverage
from mimik.analytics.steps import READINGS, Rows, covered, pieces
from mimik.store.values import REASONS, ROOM, Aggregates, Marker, MarkerKind, Session, SessionState
from mimik.types import Reason

__all__ = ["Clock", "cautions", "coverage", "withheld"]

Floats = NDArray[np.float64]

_FEW_READINGS = 100
_SHORT_S = 60.0
_MUCH_WITHHELD = 0.3
_MUCH_TOO_SMALL = 0.1
_COARSE_S = 10


@dataclass(frozen=True, slots=True, eq=False)
class Clock:
    """What a frame of each step stands for.

    Attributes:
        first: the first step with frames.
        seconds: ``(steps,)``: recorded seconds of each step from `first` on; pauses and losses taken off.
        frames: ``(steps,)``: frames read in it.
        step_s: of a step.
    """

    first: int
    seconds: Floats
    frames: Floats
    step_s: int

    @classmethod
    def of(cls, aggregates: Aggregates, markers: Sequence[Marker], end_s: float) -> Clock:
        """The clock of a session that ends at `end_s`."""
        room = aggregates.of(ROOM)
        if not len(room):
            return cls(0, np.zeros(1), np.zeros(1), aggregates.step_s)
        ends = np.minimum(room.start_s + room.step_s, end_s)
        away = covered(pieces(markers, end_s, MarkerKind.PAUSE, MarkerKind.LOST), room.start_s, ends)
        steps = np.rint(room.start_s / room.step_s).astype(np.int64)
        first = int(steps.min())
        seconds = np.maximum(ends - room.start_s - away, 0) * (room.frames > 0)
        return cls(
            first,
            np.bincount(steps - first, seconds).astype(np.float64),
            np.bincount(steps - first, room.frames).astype(np.float64),
            room.step_s,
        )

    def during(self, steps: NDArray[np.int64], counts: NDArray[np.int64] | Floats) -> float:
        """Seconds in which at least one of `counts` samples was there: their part of the frames, at most all."""
        where, inside = self._places(steps)
        total = np.bincount(where[inside], counts[inside], len(self.seconds))
        parts = np.minimum(total / np.maximum(self.frames, 1), 1.0)
        return float((parts * self.seconds).sum())

    def timed(self, rows: Rows) -> Rows:
        """The rows with every reading weighted by the time that its frame stands for, which is 1 on average.

        Live views read more frames a second when they are looked at than when they are hidden, and fewer when much else
        is to be done; a share of the time must not follow that.
        """
        seen = self.frames > 0
        if not seen.any() or not self.seconds.any():
            return rows
        usual = self.seconds.sum() / self.frames[seen].sum()
        weights = np.ones(len(self.frames))
        weights[seen] = self.seconds[seen] / self.frames[seen] / usual
        where, inside = self._places(rows.step)
        factor = np.ones(len(rows))
        factor[inside] = weights[where[inside]]
        return Rows(rows.step_s, rows.person, rows.step, rows.sums * factor[:, None])

    def _places(self, steps: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Where steps lie on the clock, and which of them do."""
        where = steps - self.first
        return where, (where >= 0) & (where < len(self.seconds))

    def read(self, rows: Rows) -> float:
        """Seconds in which somebody in the rows was read."""
        return self.during(rows.step, rows.sums[:, READINGS])


def withheld(aggregates: Aggregates) -> dict[str, int]:
    """Withheld samples by reason key; every reason is there."""
    return {reason.value: int(count) for reason, count in zip(REASONS, aggregates.withheld.sum(axis=0), strict=True)}


def coverage(aggregates: Aggregates, markers: Sequence[Marker], clock: Clock, start_s: float, end_s: float) -> Coverage:
    """Coverage of the stretch from `start_s` to `end_s`, whose rows are given."""
    room = aggregates.of(ROOM)
    edge = np.array([start_s]), np.array([end_s])
    steps = np.rint(room.start_s / room.step_s).astype(np.int64)

    def marked(*kinds: MarkerKind) -> float:
        return float(covered(pieces(markers, end_s, *kinds), *edge)[0])

    paused = marked(MarkerKind.PAUSE)
    lost = marked(MarkerKind.PAUSE, MarkerKind.LOST) - paused
    recorded = float(clock.seconds.sum())
    faces = int(room.faces.sum())
    return Coverage(
        duration_s=end_s - start_s,
        recorded_s=recorded,
        paused_s=paused,
        lost_s=lost,
        missing_s=max(0.0, end_s - start_s - recorded - paused - lost),
        rest_s=marked(MarkerKind.BASELINE),
        seen_s=clock.during(steps, room.faces),
        read_s=clock.during(steps, room.readings),
        frames=int(room.frames.sum()),
        empty=int(np.maximum(room.frames - room.faces, 0).sum()),
        faces=faces,
        sure=int(room.sure.sum()),
        uncertain=int(room.uncertain.sum()),
        withheld=withheld(room),
        quality=float(room.quality.sum()) / faces if faces else None,
        step_s=room.step_s,
    )


def cautions(
    session: Session,
    covered: Coverage,
    *,
    people: int | None,
    readings: int,
    read_s: float,
    relative: bool,
    left_out: int,
    rest_unread: bool,
) -> tuple[Caution, ...]:
    """What to know before believing the figures, most serious first.

    Args:
        session: the session.
        covered: its coverage.
        people: how many people the figures rest on; None where the session keeps the group only.
        readings: behind the shares.
        read_s: seconds behind the shares.
        relative: whether the figures are relative to rest.
        left_out: people without a baseline.
        rest_unread: whether rest was marked, but no step lies in it with readings.
    """
    found: list[Caution] = []
    small = covered.withheld[Reason.TOO_SMALL.value] / covered.faces if covered.faces else 0.0
    unread = sum(covered.withheld.values()) / covered.faces if covered.faces else 0.0
    if relative and people is None:
        found.append(
            say("This session keeps the group only: nobody has a rest of their own, so nothing can be relative to it.")
        )
    elif relative and left_out:
        found.append(
            say(
                "{count} of {people} people have no rest measured; they are left out of the figures relative to rest.",
                count=left_out,
                people=left_out + (people or 0),
            )
        )
    if rest_unread:
        found.append(
            say(
                "Rest is marked, but no step of {step} s lies in it with readings enough; mark at least 10 seconds in "
                "which faces are read, and use the fine steps.",
                step=covered.step_s,
            )
        )
    if not readings:
        found.append(say("No face was read in this session, so there are no figures."))
    elif read_s < _SHORT_S:
        found.append(
            say(
                "Faces were read for only {seconds} seconds; figures from less than a minute can change by chance.",
                seconds=round(read_s),
            )
        )
    if 0 < readings < _FEW_READINGS:
        found.append(say("Only {count} readings: every one of them moves the figures.", count=readings))
    if covered.lost_s > 0:
        found.append(
            say("{seconds} seconds could not be saved and are missing.", seconds=max(1, round(covered.lost_s)))
        )
    if session.state is SessionState.INTERRUPTED:
        found.append(say("The recording ended before it was finished; what was saved is whole."))
    if unread > _MUCH_WITHHELD:
        found.append(
            say(
                "{percent} % of the faces seen could not be read; the figures say nothing about them.",
                percent=round(100 * unread),
            )
        )
    if small > _MUCH_TOO_SMALL:
        found.append(
            say(
                "{percent} % of the faces seen were too small to read: bring the camera closer "
                "or raise its resolution.",
                percent=round(100 * small),
            )
        )
    if covered.step_s >= _COARSE_S:
        found.append(
            say(
                "Only sums over {step} s are kept: transitions, dwell times and short moments are coarse.",
                step=covered.step_s,
            )
        )
    if people == 1 and readings:
        found.append(say("Only one person was read: nothing here can be carried over to other people."))
    return tuple(found)

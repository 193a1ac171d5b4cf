"""Rows of aggregates on the session's clock: pieces between markers, time that does not count, sums by step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mimik.analytics.results import Span
from mimik.store.values import Aggregates, Marker, MarkerKind, Session

__all__ = [
    "LABELLED",
    "LABELS",
    "MOOD",
    "PROBABILITIES",
    "READINGS",
    "VALUES",
    "Rows",
    "covered",
    "end_of",
    "pieces",
    "spans",
]

Floats = NDArray[np.float64]

LABELS = slice(0, 7)
"""Columns of `Rows.sums`: readings by shown label."""
PROBABILITIES = slice(7, 14)
"""Columns: sums of probabilities."""
MOOD = slice(14, 16)
"""Columns: sums of valence and arousal."""
VALUES = slice(7, 16)
"""Columns: probabilities, valence, arousal; what is averaged over readings."""
READINGS = 16
"""Column: readings."""
LABELLED = 17
"""Column: readings with a label."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What the statistics are made of.

    Attributes:
        step_s: seconds of a step.
        person: ``(N,)`` int64.
        step: ``(N,)`` int64, ``start_s / step_s``.
        sums: ``(N, 18)`` float64, by the columns named above.
    """

    step_s: int
    person: NDArray[np.int64]
    step: NDArray[np.int64]
    sums: Floats

    @classmethod
    def of(cls, aggregates: Aggregates) -> Rows:
        """The sums of aggregates."""
        sums = np.column_stack(
            [
                aggregates.labels,
                aggregates.probabilities,
                aggregates.valence,
                aggregates.arousal,
                aggregates.readings,
                aggregates.labels.sum(axis=1),
            ]
        ).astype(np.float64)
        step = np.rint(aggregates.start_s / aggregates.step_s).astype(np.int64)
        return cls(aggregates.step_s, aggregates.person, step, sums)

    def __len__(self) -> int:
        return len(self.step)

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Rows:
        """The rows that a mask or indices choose."""
        return Rows(self.step_s, self.person[chosen], self.step[chosen], self.sums[chosen])

    def numbers(self) -> list[int]:
        """The people in it, ascending."""
        return [int(number) for number in np.unique(self.person)]

    def by_person(self) -> dict[int, Rows]:
        """Each person's rows, by number."""
        order = np.argsort(self.person, kind="stable")
        numbers, starts = np.unique(self.person[order], return_index=True)
        return {
            int(number): self.where(part)
            for number, part in zip(numbers, np.split(order, starts[1:]) if len(order) else [], strict=True)
        }

    def grid(self, factor: int = 1, first: int | None = None, last: int | None = None) -> Floats:
        """``(bins, 18)``: sums over bins of `factor` steps from step `first` to `last` (both: of the rows)."""
        if not len(self):
            return np.zeros((0, self.sums.shape[1]))
        first = int(self.step.min()) if first is None else first
        last = int(self.step.max()) if last is None else last
        bins = (self.step - first) // factor
        count = (last - first) // factor + 1
        return np.stack([np.bincount(bins, column, count) for column in self.sums.T], axis=1)


def covered(pieces: Iterable[tuple[float, float]], starts: Floats, ends: Floats) -> Floats:
    """Seconds of each [start, end) that lie in at least one of the pieces."""
    merged: list[list[float]] = []
    for start, end in sorted(piece for piece in pieces if piece[1] > piece[0]):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    if not merged:
        return np.zeros(len(starts))
    edges = np.array(merged).ravel()
    before = np.concatenate([[0.0], np.repeat(np.cumsum(np.diff(np.array(merged), axis=1).ravel()), 2)[:-1]])
    return np.asarray(np.interp(ends, edges, before) - np.interp(starts, edges, before))


def end_of(session: Session, aggregates: Aggregates) -> float:
    """When the session ends: as it says, unless rows begin later."""
    if not len(aggregates):
        return session.duration_s
    last = float(aggregates.start_s.max())
    return session.duration_s if session.duration_s > last else last + aggregates.step_s


def pieces(markers: Sequence[Marker], end_s: float, *kinds: MarkerKind) -> list[tuple[float, float]]:
    """The stretches that markers of these kinds cover; one still open lasts to the end."""
    return [
        (marker.time_s, end_s if marker.end_s is None else marker.end_s) for marker in markers if marker.kind in kinds
    ]


def spans(session: Session, markers: Sequence[Marker]) -> tuple[Span, ...]:
    """The pieces between point markers, in order; what comes before the first is named "". Empty without any."""
    points = sorted(
        (marker for marker in markers if marker.kind is MarkerKind.POINT and marker.time_s < session.duration_s),
        key=lambda marker: (marker.time_s, marker.id),
    )
    if not points:
        return ()
    starts = [max(0.0, point.time_s) for point in points]
    found = [Span("", 0.0, starts[0])] if starts[0] > 0 else []
    ends = [*starts[1:], session.duration_s]
    found += [
        Span(point.label, start, end) for point, start, end in zip(points, starts, ends, strict=True) if end > start
    ]
    return tuple(found)

"""What a writer asks of the store, and what it hands over at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mimik.store.gathering import join_samples, merge
from mimik.store.values import Aggregates, Draft, Marker, Person, Samples, Session, SessionState

__all__ = ["Batch", "Note", "Saving"]


class Saving(Protocol):
    """Where sessions are kept: a `mimik.store.Store`."""

    def begin(self, draft: Draft) -> Session: ...
    def append(self, session: str, samples: Samples | None, aggregates: Aggregates, duration_s: float) -> None: ...
    def set_state(self, session: str, state: SessionState) -> None: ...
    def session(self, session: str, /) -> Session: ...
    def markers(self, session: str) -> tuple[Marker, ...]: ...
    def add_markers(self, session: str, markers: Sequence[Marker]) -> tuple[Marker, ...]: ...
    def edit_marker(self, session: str, marker: Marker) -> None: ...
    def set_person(self, session: str, person: Person) -> None: ...


@dataclass(slots=True, eq=False)
class Batch:
    """What waits to be saved in one transaction.

    Attributes:
        samples: readings at capture rate.
        sums: their fine sums.
        duration_s: of the session with this batch. It grows from batch to batch, so that it tells of an attempt whose
            answer was lost whether the work was done.
        rows: how much room it takes, as the writer counts.
        tried: whether it was attempted; from then on it stays as it is.
    """

    samples: Samples
    sums: Aggregates
    duration_s: float
    rows: int
    tried: bool = False

    def joined(self, other: Batch) -> Batch:
        """This batch and a later one as one."""
        return Batch(
            join_samples([self.samples, other.samples]),
            merge([self.sums, other.sums]),
            other.duration_s,
            self.rows + other.rows,
        )


@dataclass(slots=True, eq=False)
class Note:
    """A marker, and whether the store knows it as it is."""

    marker: Marker
    saved: bool = False
    tried: bool = False

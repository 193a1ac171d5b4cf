"""Everything about one session at once."""

from __future__ import annotations

from collections.abc import Sequence

from mimik.analytics.results import Analysis
from mimik.store.values import Aggregates, Marker, Person, Session

__all__ = ["analyse"]


def analyse(
    session: Session,
    aggregates: Aggregates,
    markers: Sequence[Marker],
    people: Sequence[Person] = (),
    *,
    relative: bool = False,
) -> Analysis:
    """Everything that the figures and the report say about one session.

    Args:
        session: the session.
        aggregates: its rows, at any step.
        markers: its markers, in any order.
        people: what is known of its people; only their ages are used.
        relative: give differences from each person's own rest (BASELINE markers) instead of absolute figures.
    """
    raise NotImplementedError

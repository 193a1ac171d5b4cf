"""Mood by hour and weekday."""

from __future__ import annotations

from collections.abc import Iterable

from mimik.analytics.results import Hours
from mimik.store.values import Aggregates, Session

__all__ = ["by_hour"]


def by_hour(sessions: Iterable[tuple[Session, Aggregates]]) -> Hours:
    """Mood by weekday and hour over one or more sessions, each in the local time of its recording."""
    raise NotImplementedError

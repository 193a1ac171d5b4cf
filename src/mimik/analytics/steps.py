"""Rows of aggregates on the session's clock: pieces between markers, time that does not count."""

from __future__ import annotations

from collections.abc import Sequence

from mimik.analytics.results import Span
from mimik.store.values import Marker, Session

__all__ = ["spans"]


def spans(session: Session, markers: Sequence[Marker]) -> tuple[Span, ...]:
    """The pieces between point markers, in order; what comes before the first is named "". Empty without any."""
    raise NotImplementedError

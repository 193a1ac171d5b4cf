"""Sessions, kept in SQLite or PostgreSQL.

    from mimik.store import Draft, Store

    with Store.open() as store:
        for session in store.sessions():
            print(session.started_at, session.title)

Names are loaded when first used: nothing here costs the start of a program that records nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mimik.store.store import Purged, Store
    from mimik.store.values import (
        COARSE_S,
        EMOTIONS,
        FINE_S,
        REASONS,
        ROOM,
        STATES,
        Aggregates,
        Draft,
        Job,
        JobState,
        Marker,
        MarkerKind,
        Person,
        Purpose,
        Samples,
        Session,
        SessionState,
    )
    from mimik.store.writer import SessionWriter

_ROOMS = {
    "mimik.store.store": ("Purged", "Store"),
    "mimik.store.values": (
        "COARSE_S",
        "EMOTIONS",
        "FINE_S",
        "REASONS",
        "ROOM",
        "STATES",
        "Aggregates",
        "Draft",
        "Job",
        "JobState",
        "Marker",
        "MarkerKind",
        "Person",
        "Purpose",
        "Samples",
        "Session",
        "SessionState",
    ),
    "mimik.store.writer": ("SessionWriter",),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "COARSE_S",
    "EMOTIONS",
    "FINE_S",
    "REASONS",
    "ROOM",
    "STATES",
    "Aggregates",
    "Draft",
    "Job",
    "JobState",
    "Marker",
    "MarkerKind",
    "Person",
    "Purged",
    "Purpose",
    "Samples",
    "Session",
    "SessionState",
    "SessionWriter",
    "Store",
]


def __getattr__(name: str) -> object:
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'mimik.store' has no attribute {name!r}")
    return getattr(import_module(_ROOM_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)

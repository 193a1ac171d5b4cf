"""What people add to a session's numbers: markers, and what is known of each person."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, select, update

from mimik.errors import MissingError, StoreError
from mimik.store.base import Base
from mimik.store.finding import find_session
from mimik.store.rows import clean, marker_of
from mimik.store.tables import markers as _markers
from mimik.store.tables import people as _people
from mimik.store.values import ROOM, Marker, MarkerKind, Person

__all__ = ["Annotations"]


class Annotations(Base):
    """The part of the store that keeps markers and people."""

    def markers(self, session: str) -> tuple[Marker, ...]:
        """A session's markers by time."""
        with self._read() as connection:
            key = find_session(connection, session).key
            rows = connection.execute(
                select(_markers).where(_markers.c.session == key).order_by(_markers.c.time_s, _markers.c.id)
            )
            return tuple(marker_of(row) for row in rows)

    def add_markers(self, session: str, markers: Sequence[Marker]) -> tuple[Marker, ...]:
        """Saves markers, all or none; returns them with their ids.

        Raises:
            StoreError: there is no such session, or a time or label cannot be.
        """
        rows = [_marker(marker) for marker in markers]
        saved = []
        with self._write() as connection:
            key = find_session(connection, session).key
            for row in rows:
                done = connection.execute(insert(_markers).values(session=key, **row).returning(_markers))
                saved.append(marker_of(done.one()))
        return tuple(saved)

    def edit_marker(self, session: str, marker: Marker) -> None:
        """Saves a marker anew, by its id.

        Raises:
            StoreError: the session has no such marker, or a time or label cannot be.
        """
        with self._write() as connection:
            change = update(_markers).where(_markers.c.id == marker.id).values(**_marker(marker))
            key = find_session(connection, session).key
            if not connection.execute(change.where(_markers.c.session == key)).rowcount:
                raise _no_marker(session, marker.id)

    def delete_marker(self, session: str, marker: int) -> None:
        """Deletes a marker.

        Raises:
            MissingError: the session has no such marker.
        """
        with self._write() as connection:
            key = find_session(connection, session).key
            gone = delete(_markers).where(_markers.c.id == marker, _markers.c.session == key)
            if not connection.execute(gone).rowcount:
                raise _no_marker(session, marker)

    def people(self, session: str) -> tuple[Person, ...]:
        """Everybody with rows of their own, by number; empty where `Session.aggregate_only`."""
        with self._read() as connection:
            key = find_session(connection, session).key
            rows = connection.execute(select(_people).where(_people.c.session == key).order_by(_people.c.number))
            return tuple(
                Person(row.number, None if row.age_low is None else (row.age_low, row.age_high)) for row in rows
            )

    def set_person(self, session: str, person: Person) -> None:
        """Saves what is known of a person; nothing where the session is `Session.aggregate_only`."""
        low, high = person.age or (None, None)
        with self._write() as connection:
            row = find_session(connection, session)
            if not row.aggregate_only and person.number > ROOM:
                saved = self._insert(_people).values(session=row.key, number=person.number, age_low=low, age_high=high)
                connection.execute(
                    saved.on_conflict_do_update(
                        index_elements=["session", "number"], set_={"age_low": low, "age_high": high}
                    )
                )


def _marker(marker: Marker) -> dict[str, Any]:
    label = clean(marker.label)
    if not (math.isfinite(marker.time_s) and marker.time_s >= 0):
        raise StoreError("{time} is no time of a session. Give seconds from its start.", time=marker.time_s)
    if marker.end_s is not None and not (math.isfinite(marker.end_s) and marker.end_s >= marker.time_s):
        raise StoreError(
            "A marker cannot end at {end} when it begins at {begin}.", end=marker.end_s, begin=marker.time_s
        )
    if not label and marker.kind is MarkerKind.POINT:
        raise StoreError("A marker needs a label.")
    return {"time_s": marker.time_s, "end_s": marker.end_s, "label": label, "kind": marker.kind}


def _no_marker(session: str, marker: int) -> MissingError:
    return MissingError("Session {session} has no marker {marker}.", session=session, marker=marker)

"""How sessions are found: by id, by the beginning of an id, by words."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from mimik.errors import MissingError, StoreError
from mimik.store.rows import session_of
from mimik.store.tables import people, sessions
from mimik.store.values import Session

__all__ = ["find_session", "matches", "people_of", "read_sessions"]


def find_session(connection: Connection, id: str) -> Row[Any]:  # noqa: A002
    """The row of ``sessions`` of an id, or of an id's unique beginning.

    Raises:
        MissingError: there is none.
        StoreError: there are several.
    """
    rows: Sequence[Row[Any]] = []
    if id.isalnum():  # neither NUL nor % gets into a query
        rows = connection.execute(select(sessions).where(sessions.c.id == id)).all()
    if id.isalnum() and not rows:
        begins = sessions.c.id.startswith(id.lower())
        rows = connection.execute(select(sessions).where(begins).order_by(sessions.c.id).limit(4)).all()
    if not rows:
        raise MissingError("There is no session {session}. `mimik session list` shows those there are.", session=id)
    if len(rows) > 1:
        raise StoreError(
            "Several sessions begin with {session}: {ids}. Give more of the id.",
            session=id,
            ids=", ".join([row.id for row in rows[:3]] + ["…"] * (len(rows) > 3)),
        )
    return rows[0]


def people_of(connection: Connection, session: int) -> int:
    """How many people have rows of their own."""
    return connection.scalar(select(func.count()).select_from(people).where(people.c.session == session)) or 0


def read_sessions(connection: Connection, condition: ColumnElement[bool] | None = None) -> tuple[Session, ...]:
    """The sessions that meet a condition, those begun last first; a video may tell of an earlier day."""
    counted = select(people.c.session, func.count().label("people")).group_by(people.c.session)
    counts = {row.session: row.people for row in connection.execute(counted)}
    query = select(sessions).order_by(sessions.c.key.desc())
    if condition is not None:
        query = query.where(condition)
    return tuple(session_of(row, counts.get(row.key, 0)) for row in connection.execute(query))


def matches(session: Session, search: str, tag: str) -> bool:
    """Whether title, tags or source hold every word, or the id begins with it; and the tags the tag."""
    text = _plain(" ".join((session.title, *session.tags, session.source)))
    tags = {_plain(each) for each in session.tags}
    words = _plain(search).split()
    return all(word in text or session.id.startswith(word) for word in words) and (
        not tag.strip() or _plain(tag).strip() in tags
    )


def _plain(text: str) -> str:
    """Without capitals, accents and the dot of the Turkish i: neither database folds İ, I, ı and i alike."""
    parts = unicodedata.normalize("NFKD", text.casefold().replace("ı", "i"))
    return "".join(letter for letter in parts if not unicodedata.combining(letter))

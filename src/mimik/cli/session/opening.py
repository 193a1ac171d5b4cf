"""What every command about sessions begins and ends with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mimik.cli.terminal import Terminal
from mimik.errors import StoreError
from mimik.store import Purged, Session, Store

if TYPE_CHECKING:  # most commands end sooner without statistics
    from mimik.analytics import Analysis, Caution

__all__ = [
    "analysed",
    "chosen_sessions",
    "name_of",
    "opened",
    "print_json",
    "tell_cautions",
    "tell_purged",
]


def chosen_sessions(store: Store, ids: list[str]) -> list[Session]:
    """The sessions of ids or their beginnings, each once, in order.

    Raises:
        StoreError: one of them is not there.
    """
    found = [store.session(key.strip()) for text in ids for key in text.split(",") if key.strip()]
    return list({session.id: session for session in found}.values())


def analysed(store: Store, session: Session, relative: bool) -> Analysis:
    """What a session found; relative to each person's own rest where that is wanted."""
    from mimik.analytics import analyse

    return analyse(
        session,
        store.aggregates(session.id),
        store.markers(session.id),
        store.people(session.id),
        relative=relative,
    )


@contextmanager
def opened(terminal: Terminal, db: str | None) -> Iterator[Store]:
    """The store for reading, after what fell due: sessions past their days are gone before anybody reads them.

    Raises:
        StoreError: it cannot be opened.
    """
    with Store.open(db) as store:
        try:
            tell_purged(terminal, store.upkeep())
        except StoreError as error:  # it may still be read
            terminal.warn(error.text, **error.values)
        yield store


def tell_purged(terminal: Terminal, purged: Purged) -> None:
    """Say what was deleted because its days are over."""
    for session in purged.sessions:
        terminal.say("Deleted, for its days are over: {session}", session=name_of(session))
    for session in purged.raw:
        terminal.say("Samples deleted, the sums a second stay: {session}", session=name_of(session))


def name_of(session: Session) -> str:
    """What a session is called in a sentence."""
    return f"“{session.title}” ({session.id})"


def print_json(terminal: Terminal, value: Any) -> None:
    """Print a value, with all the dataclasses in it, as JSON."""
    terminal.write(json.dumps(value, default=_plain, indent=2, ensure_ascii=False, allow_nan=False))


def tell_cautions(terminal: Terminal, cautions: Sequence[Caution]) -> None:
    """Say what to know before the figures are believed."""
    for caution in cautions:
        values = {name: round(v, 1) if isinstance(v, float) else v for name, v in caution.values.items()}
        terminal.warn(caution.text, **values)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "to_dict"):  # an analysis, whose own NaN is None
        return value.to_dict()
    return asdict(value)

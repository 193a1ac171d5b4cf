"""What every command about sessions begins and ends with."""

from __future__ import annotations

import json
import logging
from typing import Any

from mimik.analytics.results import plain
from mimik.cli.terminal import Terminal
from mimik.errors import ConfigError, StoreError
from mimik.store import Purpose, Session, Store

__all__ = ["adopt", "chosen_purpose", "chosen_sessions", "name_of", "print_json"]

_log = logging.getLogger(__name__)


def chosen_purpose(text: str | None) -> Purpose | None:
    """The purpose of a name, or None for None.

    Raises:
        ConfigError: there is no such purpose.
    """
    if text is None:
        return None
    try:
        return Purpose(text.strip().lower())
    except ValueError as error:
        raise ConfigError(
            "--purpose {value}: not a purpose. Give one of {known}.", value=text, known=", ".join(Purpose)
        ) from error


def chosen_sessions(store: Store, ids: list[str]) -> list[Session]:
    """The sessions of ids or their beginnings, each once, in order.

    Raises:
        StoreError: one of them is not there.
    """
    found = [store.session(key.strip()) for text in ids for key in text.split(",") if key.strip()]
    return list({session.id: session for session in found}.values())


def adopt(store: Store) -> None:
    """Let sessions whose program is gone be called interrupted, where the database may be written."""
    try:
        store.adopt()
    except StoreError as error:
        _log.info("sessions of ended programs stay as they are: %s", error)


def name_of(session: Session) -> str:
    """What a session is called in a sentence."""
    return f"“{session.title}” ({session.id})"


def print_json(terminal: Terminal, value: Any) -> None:
    """Print a value, with all the dataclasses in it, as JSON."""
    terminal.write(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False))

"""What several commands are told in words: purposes, days, table formats."""

from __future__ import annotations

from collections.abc import Collection

from mimik.errors import ConfigError
from mimik.store import Purpose

__all__ = ["parse_days", "parse_formats", "parse_purpose"]

_FOREVER = ("forever", "sonsuz")


def parse_purpose(text: str) -> Purpose:
    """``Lesson`` → `Purpose.LESSON`.

    Raises:
        ConfigError: there is no such purpose.
    """
    try:
        return Purpose(text.strip().lower())
    except ValueError as error:
        raise ConfigError(
            "--purpose {value}: not a purpose. Give one of {known}.", value=text, known=", ".join(Purpose)
        ) from error


def parse_days(option: str, text: str) -> int | None:
    """``30`` → 30; ``forever`` → None.

    Raises:
        ConfigError: it is neither.
    """
    text = text.strip()
    if text.lower() in _FOREVER:
        return None
    if not (text.isascii() and text.isdigit()):
        raise ConfigError("{option} {value}: give a number of days, or: forever", option=option, value=text)
    return int(text)


def parse_formats(text: str, known: Collection[str]) -> tuple[str, ...]:
    """``csv, JSON`` → ``("csv", "json")``.

    Raises:
        ConfigError: one of them is not known, or there is none.
    """
    wanted = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        raise ConfigError(
            "--format {value}: not a table format. Give {known}, or several with commas.",
            value=", ".join(unknown) or repr(text),
            known=", ".join(known),
        )
    return wanted

"""What a database reports, said to people: what happened, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from mimik.errors import StoreError

__all__ = ["explain", "explained", "first_line"]

_FULL = "{place}: there is no room left ({detail}). What was saved before is whole; make room on the disk."
_LOCKED = "{place}: another program holds it locked. Wait until it has finished, or close it, then try again."
_READ_ONLY = (
    "{place}: cannot be opened for writing ({detail}). Change the permissions of the file and its folder, or choose "
    "another database with --db or MIMIK_DATABASE_URL."
)
_DAMAGED = (
    "{place}: damaged, or not a session database ({detail}). It was left as it is: move it away and put a backup in "
    "its place, or choose another database with --db or MIMIK_DATABASE_URL."
)
_UNREACHABLE = (
    "{place}: PostgreSQL cannot be reached ({detail}). See that it runs and that the address in --db or "
    "MIMIK_DATABASE_URL is right."
)
_REFUSED = (
    "{place}: PostgreSQL refuses ({detail}). Check user, password, database and permissions in --db or "
    "MIMIK_DATABASE_URL."
)
_OTHER = "{place}: the database failed ({detail}). Nothing was half saved; try again, and report it if it comes back."

_SQLITE = {
    "SQLITE_FULL": _FULL,
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_LOCKED": _LOCKED,
    "SQLITE_READONLY": _READ_ONLY,
    "SQLITE_CANTOPEN": _READ_ONLY,
    "SQLITE_PERM": _READ_ONLY,
    "SQLITE_AUTH": _READ_ONLY,
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_NOTADB": _DAMAGED,
}
_POSTGRESQL = {
    "53100": _FULL,  # disk full
    "55P03": _LOCKED,  # lock not available
    "40P01": _LOCKED,  # deadlock
    "25006": _REFUSED,  # read-only transaction
    "28": _REFUSED,  # authorisation
    "3D": _REFUSED,  # unknown database
    "42501": _REFUSED,  # no privilege
    "08": _UNREACHABLE,
    "57P": _UNREACHABLE,  # shut down
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
}


@contextmanager
def explained(place: str, secret: str | None = None) -> Iterator[None]:
    """Turns what SQLAlchemy raises inside into `StoreError`.

    Args:
        place: the database as people know it, without a password.
        secret: a password that no message may repeat.
    """
    try:
        yield
    except SQLAlchemyError as error:
        raise explain(error, place, secret) from error


def explain(error: SQLAlchemyError, place: str, secret: str | None = None) -> StoreError:
    """The error for people; its detail is the driver's own first line."""
    template = _template(_cause(error))
    return StoreError(template, place=place, detail=first_line(error, secret))


def first_line(error: Exception, secret: str | None = None) -> str:
    """What the driver says, without the statement and the password."""
    cause = _cause(error)
    line = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
    return line.replace(secret, "***") if secret else line


def _cause(error: BaseException) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def _template(cause: BaseException) -> str:
    name = getattr(cause, "sqlite_errorname", None)
    if name:
        return next((text for start, text in _SQLITE.items() if name.startswith(start)), _OTHER)
    state = getattr(cause, "sqlstate", None)
    if state:
        return next((text for start, text in _POSTGRESQL.items() if state.startswith(start)), _OTHER)
    if type(cause).__module__.startswith("psycopg"):  # without a state the server was never asked, or is gone
        lowered = str(cause).lower()
        refused = "authentication failed" in lowered or "does not exist" in lowered or "no password" in lowered
        return _REFUSED if refused else _UNREACHABLE
    return _OTHER

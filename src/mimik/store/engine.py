"""Where the database is and how it is spoken to."""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from mimik.errors import StoreError

__all__ = ["BUSY_S", "Address", "connect", "find"]

BUSY_S = 5.0
"""Seconds to wait for another program's write."""

_SECRETS = {"password", "passfile", "sslpassword"}


@dataclass(frozen=True, slots=True)
class Address:
    """A database.

    Attributes:
        url: for SQLAlchemy, with the password.
        file: SQLite's file, absolute; None for PostgreSQL.
        clips: the folder of what belongs to the database and is no number.
    """

    url: URL
    file: Path | None
    clips: Path

    @property
    def shown(self) -> str:
        """The address without its password."""
        query = {name: value for name, value in self.url.query.items() if name not in _SECRETS}
        bare = URL.create(
            self.url.get_backend_name(), self.url.username, None, self.url.host, self.url.port, self.url.database, query
        )
        return bare.render_as_string(hide_password=False).replace("%2F", "/")

    @property
    def place(self) -> str:
        """What messages call it."""
        return self.shown if self.file is None else str(self.file)

    @property
    def secret(self) -> str | None:
        """What no message may repeat."""
        return self.url.password or None


def find(url: str | Path | None = None) -> Address:
    """The database that is meant: by a path, an address, ``MIMIK_DATABASE_URL``, or by default.

    Raises:
        StoreError: it is neither SQLite nor PostgreSQL.
    """
    wanted = str(url) if url is not None else os.environ.get("MIMIK_DATABASE_URL", "")
    if not wanted:
        return _sqlite(_home() / "sessions.db")
    if "://" not in wanted:
        return _sqlite(Path(wanted))
    try:
        parsed = make_url(wanted)
    except (ArgumentError, ValueError):
        raise _not_an_address(wanted) from None  # the cause repeats the password
    backend = parsed.drivername.partition("+")[0]
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:":
        return _sqlite(Path(parsed.database))
    if backend not in ("postgresql", "postgres"):
        raise _not_an_address(wanted)
    parsed = parsed.set(drivername="postgresql+psycopg")
    address = Address(parsed, None, Path())
    name = "clips-" + hashlib.sha256(address.shown.encode()).hexdigest()[:12]
    return Address(parsed, None, _home() / name)


def connect(address: Address) -> Engine:
    """The engine; its connections wait for locks, keep foreign keys, and overwrite what they delete.

    Raises:
        StoreError: the folder cannot be made, or psycopg is not installed.
    """
    if address.file is not None:
        return _connect_sqlite(address, address.file)
    try:
        engine = create_engine(
            address.url,
            hide_parameters=True,  # errors and logs tell no titles
            pool_pre_ping=True,  # a server that came back is noticed before anything is sent
            connect_args={"connect_timeout": 5, "tcp_user_timeout": 10_000, "application_name": "mimik"},
        )
    except ImportError as error:
        raise StoreError("PostgreSQL needs another package. Run: pip install 'mimik[postgres]'") from error

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '10s'")
            cursor.execute("SET timezone = 'UTC'")
        connection.commit()

    return engine


def _connect_sqlite(address: Address, file: Path) -> Engine:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))  # nobody else's to read; SQLite's journals follow it
    except OSError as error:
        raise StoreError(
            "{place}: cannot be opened for writing ({detail}). Change the permissions of the file and its folder, or "
            "choose another database with --db or MIMIK_DATABASE_URL.",
            place=address.place,
            detail=error.strerror or type(error).__name__,
        ) from error
    engine = create_engine(address.url, hide_parameters=True, connect_args={"timeout": BUSY_S})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, record: object) -> None:
        connection.isolation_level = None  # transactions begin below, not where sqlite3 guesses
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = NORMAL")  # survives kill -9; a power cut may cost the last second
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes its lock at once: a reader that turns writer in mid-transaction cannot wait for others.
        kind = "IMMEDIATE" if connection.get_execution_options().get("writes") else "DEFERRED"
        connection.exec_driver_sql(f"BEGIN {kind}")

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Readers and a writer at once, from now on; the file remembers it. SQLite does not wait for locks here."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _sqlite(path: Path) -> Address:
    try:
        file = path.expanduser().resolve()
    except (OSError, RuntimeError, ValueError):
        raise _not_an_address(str(path)) from None
    clips = file.with_name(f"{file.stem}-clips")
    return Address(URL.create("sqlite+pysqlite", database=str(file)), file, clips)


def _home() -> Path:
    import platformdirs

    return Path(platformdirs.user_data_dir("mimik", appauthor=False))


def _not_an_address(url: str) -> StoreError:
    return StoreError(
        "{url}: not an address of a session database. Give a file's path, sqlite:///PATH or "
        "postgresql://USER@HOST/DATABASE.",
        url=re.sub(r"//.*@", "//***@", re.sub(r"(?i)(password=)[^&]*", r"\1***", url)),
    )

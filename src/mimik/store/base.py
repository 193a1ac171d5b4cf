"""The connection that every part of the store shares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, DateTime, Engine, Select, Table, func
from sqlalchemy.dialects import postgresql, sqlite

from mimik.store.engine import Address
from mimik.store.faults import explained

__all__ = ["Base"]


class Base:
    """An open database. Safe to use from several threads."""

    def __init__(self, engine: Engine, address: Address) -> None:
        self._engine = engine
        self._writer = engine.execution_options(writes=True)
        self._address = address

    @property
    def url(self) -> str:
        """The database's address, without a password."""
        return self._address.shown

    @property
    def clips(self) -> Path:
        """The folder of blurred clips and uploaded videos; made by whoever first puts something there."""
        return self._address.clips

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with self._explained(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        """A transaction; saved as a whole when left, or not at all."""
        with self._explained(), self._writer.begin() as connection:
            yield connection

    @staticmethod
    def _batches(connection: Connection, query: Select[Any], size: int) -> Iterator[Sequence[tuple[Any, ...]]]:
        """A query's rows of plain numbers as the driver gives them: half the time of SQLAlchemy's own rows."""
        result = connection.execute(query)
        assert result.cursor is not None
        while rows := result.cursor.fetchmany(size):
            yield rows
        result.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        with explained(self._address.place, self._address.secret):
            yield

    @property
    def _is_sqlite(self) -> bool:
        return self._address.file is not None

    def _clock(self) -> Any:
        """The time by which signs of life are judged: PostgreSQL's own, for its clients' clocks may differ."""
        return datetime.now(UTC) if self._is_sqlite else func.clock_timestamp(type_=DateTime(timezone=True))

    def _in(self, seconds: float) -> Any:
        """A time to come, by the same clock."""
        return self._clock() + timedelta(seconds=seconds)

    def _insert(self, table: Table) -> Any:
        return sqlite.insert(table) if self._is_sqlite else postgresql.insert(table)

    def _soil(self, connection: Connection) -> None:
        """Notes, in the transaction that deletes, that a sweep is due: a program may be killed before it."""
        if self._is_sqlite:
            connection.exec_driver_sql("PRAGMA user_version = 1")

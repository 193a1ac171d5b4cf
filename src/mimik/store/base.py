"""The connection that every part of the store shares."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from mimik.store.engine import Address
from mimik.store.faults import explained

__all__ = ["Base"]


class Base:
    """An open database. Safe to use from several threads."""

    def __init__(self, engine: Engine, address: Address) -> None:
        self._engine = engine
        self._writer = engine.execution_options(writes=True)
        self._address = address

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

    @contextmanager
    def _explained(self) -> Iterator[None]:
        with explained(self._address.place, self._address.secret):
            yield

    @property
    def _is_sqlite(self) -> bool:
        return self._address.file is not None

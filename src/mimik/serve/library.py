"""The store behind the API: opened when it is first needed, worked with off the event loop."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio import CapacityLimiter, to_thread
from fastapi import Request

from mimik.errors import StoreError
from mimik.serve.limits import Limits
from mimik.serve.problems import ProblemError

if TYPE_CHECKING:
    from mimik.store import Store

__all__ = ["Library", "library_of"]

_log = logging.getLogger(__name__)
_AT_ONCE = 4
_T = TypeVar("_T")


class Library:
    """A store that may not be open yet, or may not be had at all.

    Args:
        store: an open store, which its owner closes; or what opens one; or None where no sessions are kept.
        limits: how many exports are written at once, and how long one waits for its reader.

    Attributes:
        limiter: of the threads that work with the store.
        exports: of the threads that write files for clients, who may be slow: nobody else waits for these.
        export_idle_s: seconds that an export waits for a client that does not read.
    """

    def __init__(self, store: Store | Callable[[], Store] | None, limits: Limits | None = None) -> None:
        self._open = store if callable(store) else None
        self._store = None if callable(store) else store
        self._lock = anyio.Lock()
        self.limiter = CapacityLimiter(_AT_ONCE)
        limits = limits or Limits.read()
        self.exports = CapacityLimiter(limits.exports)
        self.export_idle_s = limits.export_idle_s

    @property
    def keeps(self) -> bool:
        """Whether there is, or may be, a store."""
        return self._store is not None or self._open is not None

    async def store(self) -> Store:
        """The store, opened now if it was not; where that fails, the next call tries again.

        Raises:
            ProblemError: it cannot be opened, or no sessions are kept.
        """
        if self._store is not None:
            return self._store
        if self._open is None:
            raise ProblemError(503, "No sessions are kept here, for Mimik runs without a database. Start it with one.")
        async with self._lock:
            if self._store is None:
                try:
                    self._store = await to_thread.run_sync(self._open)
                except StoreError as error:
                    raise ProblemError.of(error, 503) from error
            return self._store

    async def run(self, work: Callable[[Store], _T]) -> _T:
        """Do blocking work with the store, in one of a few threads.

        Raises:
            MimikError: what the work raises.
        """
        store = await self.store()
        return await to_thread.run_sync(work, store, limiter=self.limiter)

    async def call(self, work: Callable[[], _T]) -> _T:
        """Do blocking work beside the store, in one of the same threads."""
        return await to_thread.run_sync(work, limiter=self.limiter)

    async def close(self) -> None:
        """Close the store that was opened here."""
        store, self._store = self._store, None
        if self._open is not None and store is not None:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(store.close)


def library_of(request: Request) -> Library:
    """The application's library, for routes."""
    library: Library = request.app.state.library
    return library

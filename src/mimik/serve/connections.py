"""Connections that do not hold a place for nothing: Uvicorn by itself waits for ever for a request's head.

Whoever opens connections and sends half a head on each, or asks for what is large and does not read it, would take all
of the files that a process may have open, and with them the database's.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from mimik.serve.limits import Limits

__all__ = ["connection_class"]


def connection_class(limits: Limits) -> type[H11Protocol]:
    """A class of connections that keep to the limits ``connections``, ``head_s`` and ``export_idle_s``."""

    class Bounded(_Bounded):
        pass

    Bounded.limits = limits
    return Bounded


class _Bounded(H11Protocol):
    """A connection that is closed when it keeps the server waiting; WebSockets have limits of their own."""

    limits: Limits
    _late: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # as Uvicorn declares it
        if len(self.connections) > self.limits.connections:
            self.transport.abort()
        else:
            self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._late, self._stuck = _cancelled(self._late), _cancelled(self._stuck)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_head()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reader(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stuck = _cancelled(self._stuck)

    def _watch_head(self) -> None:
        """Give a head its time from its first byte, or the connection's beginning, to its last."""
        waiting = self.cycle is None or self.cycle.response_complete
        if not waiting or self.transport.is_closing() or self.transport.get_protocol() is not self:
            self._late = _cancelled(self._late)
        elif self._late is None:
            self._late = self.loop.call_later(self.limits.head_s, self.transport.abort)

    def _watch_reader(self, left: int) -> None:
        def look() -> None:
            now = self.transport.get_write_buffer_size()
            if now < left:
                self._watch_reader(now)
            else:
                self.transport.abort()

        self._stuck = self.loop.call_later(self.limits.export_idle_s, look)


def _cancelled(timer: asyncio.TimerHandle | None) -> Any:
    if timer is not None:
        timer.cancel()
    return None

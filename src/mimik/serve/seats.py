"""Open WebSockets: how many there may be, and of one client."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from prometheus_client import Gauge
from starlette.websockets import WebSocket, WebSocketDisconnect

from mimik.serve.limits import Limits
from mimik.serve.problems import ProblemError, problem_body
from mimik.serve.schemas import to_text

__all__ = ["CLOSED_FULL", "Seats", "close_reason", "trouble"]

CLOSED_FULL = 1013
"""WebSocket's code for: try again later."""

_LONGEST_REASON = 123  # bytes that a closing frame has room for


class Seats:
    """Places for WebSockets.

    Args:
        limits: how many there are.
        taken: a gauge of those that are taken.
    """

    def __init__(self, limits: Limits, taken: Gauge) -> None:
        self._limits = limits
        self._gauge = taken
        self._taken: Counter[str] = Counter()

    @asynccontextmanager
    async def seat(self, websocket: WebSocket) -> AsyncIterator[bool]:
        """Around a WebSocket that was not accepted yet.

        Yields:
            Whether there is a place for it; otherwise its client was told and it is closed.
        """
        client = _client(websocket)
        problem = self._full(client)
        if problem is not None:
            with suppress(WebSocketDisconnect):
                await websocket.accept()
                await websocket.send_text(to_text(trouble(problem)))
                await websocket.close(CLOSED_FULL, close_reason(problem))
            yield False
            return
        self._taken[client] += 1
        self._gauge.inc()
        try:
            yield True
        finally:
            self._gauge.dec()
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]

    def _full(self, client: str) -> ProblemError | None:
        if self._taken.total() >= self._limits.streams:
            return ProblemError(
                503, "All {limit} places for streams are taken. Try again later.", limit=self._limits.streams
            )
        if self._taken[client] >= self._limits.streams_each:
            return ProblemError(
                429,
                "One client may have {limit} streams open at once. Close another first.",
                limit=self._limits.streams_each,
            )
        return None


def trouble(error: ProblemError, **more: object) -> dict[str, object]:
    """What a WebSocket is told of a problem: the problem's details, and their template and values for the page."""
    problem = problem_body(error)
    return {"type": "error", **more, "text": problem["text"], "values": problem["values"], "problem": problem}


def close_reason(error: ProblemError) -> str:
    """A problem in as many bytes as a closing frame can hold."""
    return str(error).encode()[:_LONGEST_REASON].decode("utf-8", "ignore")


def _client(websocket: WebSocket) -> str:
    """Whose WebSocket it is: the key's that was shown, else the address's."""
    caller = getattr(websocket.state, "caller", None)
    if caller is not None and caller.id != "local":
        return f"key {caller.id}"
    return f"address {websocket.client.host if websocket.client else ''}"

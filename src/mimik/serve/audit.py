"""Who asked how much: a line of JSON a request and stream, never what was seen, what it was called, or a secret.

A line holds ``time`` (UTC), ``key`` (its id; ``local``; null where none was shown), ``address``, ``method``, ``way``
(the route's pattern, not the address), ``status``, ``pictures`` and ``faces`` (counts), ``bytes`` (that the client
sent) and ``ms``; also ``left_out``, where lines of strangers before it were too many to be written.
"""

from __future__ import annotations

import json
import logging
import os
import time
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO, Any

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mimik.errors import ConfigError
from mimik.serve.rates import Rates, network_of

__all__ = ["Audit", "Audited", "audit_path", "note"]

_log = logging.getLogger(__name__)


def audit_path(given: Path | None, demanded: bool) -> Path | None:
    """Where to write: what was given, else ``MIMIK_AUDIT``, else where keys are demanded the user's log folder."""
    if given is not None:
        return given
    if named := os.environ.get("MIMIK_AUDIT"):
        return Path(named)
    if not demanded:
        return None
    import platformdirs

    return Path(platformdirs.user_log_dir("mimik", appauthor=False)) / "audit.jsonl"


def note(connection: HTTPConnection, pictures: int, faces: int) -> None:
    """Count what was read for a request or stream; may be called again and again, from one thread at a time."""
    counts = connection.scope.setdefault("state", {}).setdefault("read", [0, 0])
    counts[0] += pictures
    counts[1] += faces


class Audit:
    """The log's file, turned over when it is full. Safe to use from any thread.

    Args:
        path: of the file, made with its folder if need be, for its owner alone.
        most_bytes: that it may have before another is begun.
        files: older ones that are kept, as ``audit.jsonl.1`` and so on.

    Raises:
        ConfigError: it cannot be written.
    """

    def __init__(self, path: Path, most_bytes: int, files: int) -> None:
        self.path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = _Rotating(path, maxBytes=most_bytes, backupCount=files, encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                "{path}: the audit log cannot be written ({detail}). Choose another place with --audit.",
                path=path,
                detail=error.strerror or error,
            ) from error

    def write(self, values: dict[str, object]) -> None:
        """Add a line."""
        text = json.dumps(values, separators=(",", ":"))
        self._file.handle(logging.LogRecord("audit", logging.INFO, "", 0, text, None, None))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _Rotating(RotatingFileHandler):
    """A file that nobody else may read."""

    def _open(self) -> Any:
        def opener(path: str, flags: int) -> int:
            return os.open(path, flags, 0o600)

        file: IO[str] = open(self.baseFilename, self.mode, encoding=self.encoding, opener=opener)  # noqa: SIM115
        return file

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's own name)
        _log.exception("%s: a line of the audit log is lost", self.baseFilename)


class Audited:
    """Writes a line for each request and stream.

    Args:
        app: what answers them.
        audit: where to write.
        strangers: lines a minute by one address without a key: nobody shall turn the log over until it forgets.
    """

    def __init__(self, app: ASGIApp, audit: Audit, strangers: int = 60) -> None:
        self._app = app
        self._audit = audit
        self._strangers = Rates(strangers)
        self._left_out = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        began_s, status, size = time.perf_counter(), 0, 0

        async def watched_receive() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body") or message.get("bytes") or (message.get("text") or "").encode())
            return message

        async def watched_send(message: Message) -> None:
            nonlocal status
            kind = message["type"]
            if kind in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
            elif kind == "websocket.accept":
                status = 101
            elif kind == "websocket.close" and not status:
                status = 403
            await send(message)

        try:
            await self._app(scope, watched_receive, watched_send)
        finally:
            self._tell(scope, status or 500, size, time.perf_counter() - began_s)

    def _tell(self, scope: Scope, status: int, size: int, took_s: float) -> None:
        state, address = scope.get("state", {}), scope["client"][0] if scope.get("client") else ""
        caller, (pictures, faces) = state.get("caller"), state.get("read", (0, 0))
        if caller is None and self._strangers.take(network_of(address)):
            self._left_out += 1
            return
        left_out, self._left_out = self._left_out, 0
        self._audit.write(
            {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "key": None if caller is None else caller.id,
                "address": address[:100],
                "method": scope.get("method", "WS"),
                "way": getattr(scope.get("route"), "path", "") or "other",
                "status": status,
                "pictures": pictures,
                "faces": faces,
                "bytes": size,
                "ms": round(took_s * 1000),
                **({"left_out": left_out} if left_out else {}),
            }
        )

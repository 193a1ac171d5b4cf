"""Files that a browser saves: named safely, sent while they are being written."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Callable
from typing import IO, Any
from urllib.parse import quote

from anyio import (
    BrokenResourceError,
    CapacityLimiter,
    ClosedResourceError,
    EndOfStream,
    create_memory_object_stream,
    create_task_group,
    fail_after,
    from_thread,
    to_thread,
)
from anyio.streams.memory import MemoryObjectSendStream
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

__all__ = ["Download", "disposition"]

_PIECE = 64 * 1024
_WAITING = 4
_LETTERS = str.maketrans({"ı": "i", "ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "ł": "l", "Ł": "L"})


def disposition(title: str, suffix: str) -> str:
    """The ``Content-Disposition`` of a file to be saved (RFC 6266).

    Args:
        title: what its name is made of; anything.
        suffix: such as ``.csv``.
    """
    words = "".join(
        letter if unicodedata.category(letter)[0] in "LMN" or letter in "-_" else " "
        for letter in unicodedata.normalize("NFC", title)
    )
    name = "-".join(words.split())[:80] or "mimik"
    plain = unicodedata.normalize("NFKD", name.translate(_LETTERS)).encode("ascii", "ignore").decode()
    plain = re.sub(r"-+", "-", re.sub(r"[^A-Za-z0-9_-]", "", plain)).strip("-") or "mimik"
    exact = quote(name + suffix, safe="", errors="replace")
    return f"attachment; filename=\"{plain}{suffix}\"; filename*=UTF-8''{exact}"


class Download(Response):
    """An answer that a thread writes while it is sent; memory stays small.

    What fails before the first piece is an error's answer as any other; after it, the connection breaks off, so that
    nobody takes half a file for a whole one.

    A client that reads nothing for too long is cut off, and its thread is free again.

    Args:
        work: writes it into an open file, which cannot seek.
        limiter: of the threads.
        media_type: of the file.
        headers: besides.
        idle_s: seconds to wait for a client that does not read.
    """

    def __init__(
        self,
        work: Callable[[IO[bytes]], object],
        limiter: CapacityLimiter,
        media_type: str,
        headers: dict[str, str],
        idle_s: float = 60.0,
    ) -> None:
        super().__init__(media_type=media_type, headers=headers)
        del self.headers["content-length"]
        self._work = work
        self._limiter = limiter
        self._idle_s = idle_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        into, pieces = create_memory_object_stream[bytes](_WAITING)
        failed: list[Exception] = []

        async def produce() -> None:
            with into:
                try:
                    await to_thread.run_sync(_write, self._work, into, limiter=self._limiter)
                except Exception as error:  # handed on, to be raised where it can be answered
                    failed.append(error)

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            pieces.close()

        async with create_task_group() as tasks:
            tasks.start_soon(produce)
            tasks.start_soon(watch)
            begun = gone = False
            try:
                while True:
                    piece = await pieces.receive()
                    with fail_after(self._idle_s):
                        if not begun:
                            await send(
                                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
                            )
                            begun = True
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
            except EndOfStream:
                pass
            except (ClosedResourceError, TimeoutError):
                gone = True
            pieces.close()
            tasks.cancel_scope.cancel()
        if gone:
            return
        if failed:
            raise failed[0]
        if not begun:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": b""})


class _Pieces(io.RawIOBase):
    """A file whose content goes to the event loop in pieces."""

    def __init__(self, into: MemoryObjectSendStream[bytes]) -> None:
        self._into = into
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self._waiting += data
        if len(self._waiting) >= _PIECE:
            self.send()
        return size

    def send(self) -> None:
        piece, self._waiting = bytes(self._waiting), bytearray()
        if piece:
            from_thread.run(self._into.send, piece)


def _write(work: Callable[[IO[bytes]], object], into: MemoryObjectSendStream[bytes]) -> None:
    pieces = _Pieces(into)
    try:
        work(pieces)  # type: ignore[arg-type]  # a raw file is all that is needed
        pieces.send()
    except BrokenResourceError:
        pass  # the reader is gone

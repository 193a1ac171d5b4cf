"""A video on its way from the page to the queue's folder, without ever being in memory as a whole."""

from __future__ import annotations

import errno
import os
import secrets
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO

from anyio import fail_after, to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from mimik.serve.copies import make_private, remove
from mimik.serve.limits import Limits
from mimik.serve.problems import ProblemError, invalid

__all__ = ["Upload", "receive_upload"]

_PIECE = 1024 * 1024
_DRAFT = 64 * 1024
_REST = 16 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    """What arrived.

    Attributes:
        id: of the job to come; also names the file.
        name: what the user calls the video; to be shown, never opened.
        path: where it lies.
        draft: the other part, JSON text.
    """

    id: str
    name: str
    path: Path
    draft: bytes


class _Form:
    """The two parts of the form, piece by piece; what is written to disk waits in `waiting`."""

    def __init__(self) -> None:
        self.part = ""
        self.name: str | None = None
        self.draft: bytearray | None = None
        self.waiting = bytearray()
        self.complete = False
        self._field = b""
        self._value = b""
        self._disposition = b""

    def parser(self, boundary: bytes) -> MultipartParser:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_field,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header,
                "on_headers_finished": self._on_headers,
                "on_part_data": self._on_data,
                "on_end": self._end,
            },
        )

    def _begin(self) -> None:
        self._disposition = b""

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = self._value
        self._field = self._value = b""

    def _on_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        self.part = options.get(b"name", b"").decode("utf-8", "replace")
        if self.part == "file" and self.name is None:
            self.name = shown_name(options.get(b"filename", b"").decode("utf-8", "replace"))
        elif self.part == "draft" and self.draft is None:
            self.draft = bytearray()
        else:
            raise invalid("{field}: there is no such field, or it was sent twice.", self.part[:100])

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self.part == "file":
            self.waiting += data[start:end]
            return
        assert self.draft is not None
        self.draft += data[start:end]
        if len(self.draft) > _DRAFT:
            raise ProblemError(413, "More than {limit} bytes were sent, which is too much.", limit=_DRAFT)

    def _end(self) -> None:
        self.complete = True


async def receive_upload(request: Request, folder: Path, limits: Limits) -> Upload:
    """Take a form of the fields ``file`` and ``draft``, in any order.

    Args:
        request: its body was not read yet.
        folder: where the file goes, under a name of our own; made if need be, for nobody else to read.
        limits: bytes that the video may have, and seconds between two pieces of it.

    Raises:
        ProblemError: it is too large, stopped coming, no such form, cannot be written, or the sender went away.
            Nothing is left.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise ProblemError(415, "Send the video as multipart/form-data with the fields “file” and “draft”.")
    announced, limit = request.headers.get("content-length", ""), limits.upload
    if announced.isdecimal() and int(announced[:20]) > limit + _DRAFT + _REST:
        raise _too_large(limit)
    job = secrets.token_hex(8)
    path = folder / job
    form = _Form()
    try:
        await to_thread.run_sync(make_private, folder)
        with await to_thread.run_sync(_new_file, path) as file:
            await _receive(request, form.parser(boundary), form, file, limits)
        if not form.complete:
            raise ProblemError(400, "The video did not arrive as a whole. Send it again.")
        if form.name is None:
            raise invalid("{field} is missing.", "file")
        if form.draft is None:
            raise invalid("{field} is missing.", "draft")
    except BaseException as error:
        remove(path)
        if isinstance(error, ClientDisconnect | FormParserError):
            raise ProblemError(400, "The video did not arrive as a whole. Send it again.") from error
        if isinstance(error, TimeoutError):
            raise ProblemError(408, "The request took too long to arrive. Send it again.") from error
        if isinstance(error, OSError):
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            raise ProblemError(
                507 if full else 503,
                "{folder}: the video cannot be kept there ({detail}). Nothing of it was kept. Make room, or let the"
                " folder be written to, and send it again.",
                folder=folder,
                detail=error.strerror or error,
            ) from error
        raise
    return Upload(job, form.name, path, bytes(form.draft))


def _new_file(path: Path) -> BinaryIO:
    """A file that nobody else may read, and that was not there."""
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600))


async def _receive(request: Request, parser: MultipartParser, form: _Form, file: BinaryIO, limits: Limits) -> None:
    total = sent = 0
    limit, most = limits.upload, limits.upload + _DRAFT + _REST
    chunks = request.stream()

    async def write() -> None:
        nonlocal total
        total += len(form.waiting)
        if total > limit:
            raise _too_large(limit)
        piece, form.waiting = form.waiting, bytearray()
        await to_thread.run_sync(file.write, piece)

    while True:
        with fail_after(limits.upload_idle_s):
            chunk = await anext(chunks, None)
        if chunk is None:
            break
        sent += len(chunk)
        if sent > most:  # what stands around the parts counts, too
            raise _too_large(limit)
        parser.write(chunk)
        if len(form.waiting) >= _PIECE:
            await write()
    await write()
    await to_thread.run_sync(file.flush)


def _too_large(limit: int) -> ProblemError:
    return ProblemError(
        413,
        "The video is larger than {limit:.1f} GB, which is all that is taken. Use `mimik analyze` for it.",
        limit=limit / 1e9,
    )


def shown_name(sent: str) -> str:
    """The last part of a file's name as a browser sent it, without what could not be shown."""
    name = PurePosixPath(PureWindowsPath(sent).name).name
    name = "".join(" " if unicodedata.category(letter).startswith(("C", "Z")) else letter for letter in name)
    return " ".join(name.split())[:200] or "video"

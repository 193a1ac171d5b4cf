"""Pictures that a client sends: the body of the request, its parts, and their pixels.

Nothing that a client names is opened: neither a path nor an address. Nothing is written to disk.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import anyio
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from mimik.errors import SourceError
from mimik.serve.limits import Limits
from mimik.serve.problems import ProblemError, invalid
from mimik.serve.uploads import shown_name
from mimik.sources.pictures import decode_picture, picture_size
from mimik.types import Image

__all__ = [
    "ADDRESSES",
    "Part",
    "PictureError",
    "Sent",
    "check",
    "decode",
    "from_base64",
    "parse_form",
    "read_body",
    "sent",
]

ADDRESSES = "Mimik opens no addresses for others. Send the picture itself."
"""What is said to whoever sends a URL: the server would open doors that are closed to the client."""

_MAX_PARTS = 64
_MAX_ESCAPES = 10_000

# TIFF is left out: of all readers it is the largest, and no camera or browser sends it.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "GIF")
_SIGNATURE = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF....WEBP|BM|GIF8[79]a", re.DOTALL)

# What makes a picture also something else. Browsers look for markup in the first 1,445 bytes, readers of PDF in the
# first 1,024; a ZIP (JAR, DOCX …) is read from its end.
_HEAD = 1445
_OTHER = re.compile(rb"%PDF-|<!doctype|<html|<svg|<script|<\?php|<iframe|#!/", re.IGNORECASE)
_ZIP_END = b"PK\x05\x06"
_ZIP_END_SIZE = 22


@dataclass(frozen=True, slots=True)
class Sent:
    """A picture as it was sent.

    Attributes:
        name: what the client calls it; to be shown, never opened.
        data: the file.
    """

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a form.

    Attributes:
        name: of the field.
        data: its value.
        filename: the last part of the file's name where it is a file, else None; "" for a file without a name.
    """

    name: str
    data: bytes
    filename: str | None = None

    @property
    def text(self) -> str:
        """The value as text."""
        return self.data.decode("utf-8", "replace")


class PictureError(ProblemError):
    """A picture that is not taken: 413 where it is too large, 415 where it is none, 422 where it is damaged."""


async def read_body(request: Request, limits: Limits) -> bytes:
    """The whole body, of which no more than `Limits.body` bytes are ever in memory.

    Raises:
        ProblemError: it is too long, took too long, or its sender went away.
    """
    limit = limits.body
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > limit:
        raise _too_long(limit)
    body = bytearray()
    try:
        with anyio.fail_after(limits.body_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise _too_long(limit)
    except TimeoutError as error:
        raise ProblemError(408, "The request took too long to arrive. Send it again.") from error
    except ClientDisconnect as error:
        raise ProblemError(400, "The request did not arrive as a whole. Send it again.") from error
    return bytes(body)


def _too_long(limit: int) -> PictureError:
    return PictureError(413, "More than {limit} bytes were sent, which is too much.", limit=limit)


def parse_form(content_type: str, body: bytes) -> list[Part]:
    """The fields of a form, ``multipart/form-data`` or ``application/x-www-form-urlencoded``.

    Raises:
        ProblemError: it is none, or has too many fields.
    """
    kind, options = parse_options_header(content_type)
    if kind == b"application/x-www-form-urlencoded":
        if body.count(b"&") >= _MAX_PARTS:
            raise _bad_form()
        pairs = [field.partition(b"=") for field in body.split(b"&") if field]
        return [Part(_unescaped(name).decode("utf-8", "replace"), _unescaped(value)) for name, _, value in pairs]
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise _bad_form()
    form = _Form()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": form.begin,
                "on_header_field": form.on_field,
                "on_header_value": form.on_value,
                "on_header_end": form.end_header,
                "on_part_data": form.on_data,
                "on_part_end": form.end,
                "on_end": form.complete,
            },
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise _bad_form() from error
    if not form.whole:
        raise _bad_form()
    return form.parts


def _unescaped(text: bytes) -> bytes:
    """Without the escapes of URLs. Millions of them take Python half a minute, so those of base64 go the short way."""
    text = text.replace(b"+", b" ")
    for escape, letter in ((b"%2B", b"+"), (b"%2F", b"/"), (b"%3D", b"=")):
        text = text.replace(escape, letter).replace(escape.lower(), letter)
    if text.count(b"%") > _MAX_ESCAPES:
        raise _bad_form()
    return unquote_to_bytes(text)


def _bad_form() -> ProblemError:
    return ProblemError(400, "The form cannot be read: it is damaged, cut short or has too many fields.")


class _Form:
    """The parts of a multipart body, in memory."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.whole = False
        self.begin()

    def begin(self) -> None:
        self._field = self._value = self._disposition = b""
        self._data: list[bytes] = []

    def on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def end_header(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = self._value
        self._field = self._value = b""

    def on_data(self, data: bytes, start: int, end: int) -> None:
        self._data.append(data[start:end])

    def end(self) -> None:
        if len(self.parts) == _MAX_PARTS:
            raise _bad_form()
        _, options = parse_options_header(self._disposition)
        filename = options.get(b"filename")
        self.parts.append(
            Part(
                options.get(b"name", b"").decode("utf-8", "replace"),
                b"".join(self._data),
                None if filename is None else filename.decode("utf-8", "replace"),
            )
        )

    def complete(self) -> None:
        self.whole = True


def from_base64(text: str | bytes, field: str) -> bytes:
    """The bytes that a text holds; a data URL's beginning is passed over.

    Raises:
        ProblemError: it is not base64.
    """
    data = text if isinstance(text, bytes) else text.encode("ascii", "replace")
    if data.startswith(b"data:"):
        data = data[data.find(b",") + 1 :]
    try:
        return base64.b64decode(data.translate(None, b" \t\r\n"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid("{field} is not base64.", field) from error


def sent(name: str | None, data: bytes, number: int) -> Sent:
    """A picture by the name that its client gave, or by its number."""
    return Sent(shown_name(name) if name else f"picture {number}", data)


def check(pictures: Sequence[Sent], limits: Limits) -> float:
    """Look at all that can be seen without decoding. Takes its time: call it in a thread.

    Returns:
        Megapixels of all pictures together.

    Raises:
        PictureError: one is no picture, something else besides or too large, or they are too many.
    """
    if not pictures:
        raise PictureError(422, "No picture was sent.")
    if len(pictures) > limits.pictures:
        raise PictureError(413, "At most {limit} pictures are read at once.", limit=limits.pictures)
    together = 0.0
    for picture in pictures:
        together += _megapixels(picture, limits)
        if together > limits.megapixels_together:
            raise PictureError(
                413,
                "The pictures have more than {megapixels} megapixels together. Send fewer.",
                megapixels=f"{limits.megapixels_together:g}",
            )
    return together


def decode(picture: Sent, limits: Limits) -> Image:
    """The pixels of a picture that `check` let pass. Takes its time: call it in a thread.

    Raises:
        PictureError: it is damaged.
    """
    try:
        return decode_picture(picture.data, picture.name, megapixels=limits.megapixels, formats=_FORMATS)
    except SourceError as error:
        raise _refused(picture, error) from error


def _megapixels(picture: Sent, limits: Limits) -> float:
    if not picture.data:
        raise PictureError(422, "{path}: the file is empty.", path=picture.name)
    if not _SIGNATURE.match(picture.data):
        raise _no_picture(picture.name)
    if _OTHER.search(picture.data, 0, _HEAD) or _ends_as_zip(picture.data):
        raise PictureError(
            415, "{path}: not only a picture but also a file of another kind, which is not taken.", path=picture.name
        )
    try:
        width, height = picture_size(picture.data, picture.name, megapixels=limits.megapixels, formats=_FORMATS)
    except SourceError as error:
        raise _refused(picture, error) from error
    return width * height / 1_000_000


def _refused(picture: Sent, error: SourceError) -> PictureError:
    if "megapixels" in error.values:
        return PictureError.of(error, 413)
    if "detail" in error.values:
        return PictureError.of(error, 422)
    return _no_picture(picture.name)


def _no_picture(name: str) -> PictureError:
    return PictureError(
        415, "{path}: not a picture that can be read. Send a JPEG, PNG, WebP, BMP or GIF file.", path=name
    )


def _ends_as_zip(data: bytes) -> bool:
    """Whether a ZIP's directory ends where the file does; cameras append films, which are no ZIP."""
    at = data.rfind(_ZIP_END, max(0, len(data) - _ZIP_END_SIZE - 0xFFFF))
    if at < 0 or at + _ZIP_END_SIZE > len(data):
        return False
    comment = int.from_bytes(data[at + 20 : at + 22], "little")
    return at + _ZIP_END_SIZE + comment <= len(data) and data.find(b"PK\x01\x02") >= 0

"""Pictures from files, through Pillow."""

from __future__ import annotations

import io
import os
import re
import struct
import threading
import time
import warnings
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import (  # noqa: F401 (importing a reader makes its format known)
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL import Image as Pillow

from mimik.errors import SourceError
from mimik.sources.notices import tell
from mimik.types import Frame, Image, Notice, SourceKind

__all__ = [
    "MEGAPIXELS",
    "PICTURE_SUFFIXES",
    "Pictures",
    "decode_picture",
    "is_picture",
    "list_folder",
    "natural_order",
    "picture_size",
    "read_picture",
]

MEGAPIXELS = 100
"""Larger pictures and videos are refused before they are decoded."""
PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"})

# No other format is tried: each of Pillow's readers is a way in for a hostile file.
_FORMATS = ("BMP", "DIB", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
_ANIMATED = ("PNG", "WEBP", "TIFF", "GIF")
_SIGNATURE = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|RIFF....WEBP|BM|II\*\x00|MM\x00\*|GIF8[79]a", re.DOTALL)

# What Pillow raises for broken files, besides OSError: each reader lets its own slip.
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, OverflowError, struct.error, zlib.error)

_ORIENTATION = 0x0112
_TURNS = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}

_warning_filters = threading.Lock()


class Pictures:
    """Pictures, each of which stands alone.

    Args:
        paths: a picture, a folder of pictures (those directly in it, in natural order of names) or several pictures.
        notice: told of pictures that cannot be read, which are then passed over, and of animated ones.

    Attributes:
        name: the file or folder, or ``pictures``.
        paths: the pictures.

    Raises:
        SourceError: there is no picture, or the folder cannot be read.
    """

    kind = SourceKind.PICTURES

    def __init__(
        self,
        paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        notice: Notice | None = None,
    ) -> None:
        self._notice = notice
        self._closed = False
        if isinstance(paths, str | os.PathLike):
            self.name = str(Path(paths))
            only = Path(paths)
            self.paths = tuple(list_folder(only, PICTURE_SUFFIXES)) if os.path.isdir(only) else (only,)
        else:
            self.name = str(Path(paths[0])) if len(paths) == 1 else "pictures"
            self.paths = tuple(Path(path) for path in paths)
        if not self.paths:
            raise SourceError("{source}: holds no picture (PNG, JPEG, WebP, BMP, TIFF or GIF).", source=self.name)

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[Frame]:
        """One frame a picture; its `Frame.source` is the picture's path.

        Raises:
            SourceError: not one of the pictures can be read.
        """
        read = 0
        for path in self.paths:
            if self._closed:
                return
            try:
                image = read_picture(path, notice=self._notice)
            except SourceError as error:
                if len(self.paths) == 1:
                    raise
                tell(self._notice, error.text, **error.values)
                continue
            read += 1
            yield Frame(image, captured_s=time.perf_counter(), source=str(path))
        if not read and not self._closed:
            raise SourceError(
                "{source}: none of the {count} pictures can be read.", source=self.name, count=len(self.paths)
            )

    def close(self) -> None:
        """End the iteration before its next picture."""
        self._closed = True


def is_picture(path: str | os.PathLike[str]) -> bool:
    """Whether a file is to be read as a picture: by its suffix, or by its first bytes where it has none."""
    path = Path(path)
    if path.suffix:
        return path.suffix.lower() in PICTURE_SUFFIXES
    try:
        with path.open("rb") as file:
            return _SIGNATURE.match(file.read(16)) is not None
    except OSError:
        return False


def natural_order(path: Path) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts ``2.png`` before ``10.png``."""
    parts = re.split(r"([0-9]+)", path.name.casefold())
    return (
        *((0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in parts if part),
        (1, 0, str(path)),
    )


def list_folder(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """The visible files directly in a folder that have one of the suffixes, in natural order.

    Raises:
        SourceError: the folder cannot be read.
    """
    try:
        return sorted(
            (
                path
                for path in folder.iterdir()
                if path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file()
            ),
            key=natural_order,
        )
    except OSError as error:
        raise SourceError(
            "{path}: the folder cannot be read ({detail}).", path=folder, detail=error.strerror
        ) from error


def read_picture(path: str | os.PathLike[str], *, notice: Notice | None = None) -> Image:
    """Read a picture, whatever its colours: upright by EXIF, 8 bits, transparent parts on white.

    Args:
        path: a PNG, JPEG, WebP, BMP, TIFF or GIF file.
        notice: told when the file holds several pictures, of which the first is read.

    Returns:
        ``(H, W, 3)`` uint8, BGR.

    Raises:
        SourceError: it does not exist, cannot be opened, is no picture, is damaged or has over 100 megapixels.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise SourceError("{path}: the file is empty.", path=path)
            file.seek(0)
            return _read(file, path, MEGAPIXELS, _FORMATS, notice)
    except FileNotFoundError:
        raise SourceError("{path}: there is no such file.", path=path) from None
    except OSError as error:
        raise SourceError("{path}: cannot be opened ({detail}).", path=path, detail=error.strerror) from error


def decode_picture(data: bytes, name: str, *, megapixels: float, formats: tuple[str, ...]) -> Image:
    """Decode a picture that a stranger sent, its header first: nothing larger or of another kind is decoded at all.

    Args:
        data: the whole file.
        name: what the picture is called in errors.
        megapixels: more are refused.
        formats: Pillow's names of what may be read, of those that `read_picture` reads.

    Returns:
        ``(H, W, 3)`` uint8, BGR, as `read_picture` gives it.

    Raises:
        SourceError: it is no such picture, is damaged or has too many pixels.
    """
    return _read(io.BytesIO(data), name, megapixels, formats, None)


def picture_size(data: bytes, name: str, *, megapixels: float, formats: tuple[str, ...]) -> tuple[int, int]:
    """A picture's width and height before it is turned upright, by its header; arguments as for `decode_picture`.

    Raises:
        SourceError: it is no such picture or has too many pixels.
    """
    with _open(name, io.BytesIO(data), megapixels, formats) as picture:
        if picture.width * picture.height > megapixels * 1_000_000:
            raise _too_large(name, megapixels)
        return picture.size


def _read(
    file: BinaryIO, path: Path | str, megapixels: float, formats: tuple[str, ...], notice: Notice | None
) -> Image:
    """What `read_picture` and `decode_picture` share."""
    with _open(path, file, megapixels, formats) as picture:
        if picture.width * picture.height > megapixels * 1_000_000:
            raise _too_large(path, megapixels)
        try:
            # Counting frames reads the whole file, so only where somebody wants to know.
            if notice is not None and picture.format in _ANIMATED and (count := getattr(picture, "n_frames", 1)) > 1:
                tell(notice, "{path}: holds {count} pictures; the first is read.", path=path, count=count)
                picture.seek(0)
            picture.load()
            turn = _TURNS.get(picture.getexif().get(_ORIENTATION, 1))
            image = _bgr(picture)
        except _BROKEN as error:
            raise SourceError(
                "{path}: the picture is damaged or cut short ({detail}).", path=path, detail=error
            ) from error
    return image if turn is None else _turned(image, turn)


def _open(path: Path | str, file: BinaryIO, megapixels: float, formats: tuple[str, ...]) -> Pillow.Image:
    """Read a picture's header."""
    try:
        # Pillow warns below the limit that holds here. Filters are the process's, so one thread at a time.
        with _warning_filters, warnings.catch_warnings():
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)
            return Pillow.open(file, formats=formats)
    except Pillow.DecompressionBombError:
        raise _too_large(path, megapixels) from None
    except _BROKEN as error:
        raise SourceError(
            "{path}: not a picture that can be read. Give a PNG, JPEG, WebP, BMP, TIFF or GIF file.", path=path
        ) from error


def _too_large(path: Path | str, megapixels: float) -> SourceError:
    return SourceError(
        "{path}: more than {megapixels} megapixels, which is too many. Shrink it.",
        path=path,
        megapixels=f"{megapixels:g}",
    )


def _bgr(picture: Pillow.Image) -> Image:
    """A loaded picture's pixels, in BGR."""
    if picture.mode.startswith("I") or picture.mode == "F":
        return np.repeat(_eight_bits(np.asarray(picture))[..., None], 3, axis=2)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Pillow.new("RGBA", picture.size, "white")
        picture = Pillow.alpha_composite(white, picture)
    return np.ascontiguousarray(np.asarray(picture.convert("RGB"))[..., ::-1])


def _eight_bits(gray: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Gray of 16 bits, 32 bits or floating point, scaled from its type's whole range to 0–255.

    Pillow hands 16 bits out as 32 as well, and floats have no range of their own: there the largest value decides.
    """
    values = np.nan_to_num(gray.astype(np.float32), posinf=0, neginf=0)
    largest = float(values.max())
    if np.issubdtype(gray.dtype, np.floating):
        whole = next((whole for whole in (1.0, 255.0, 65535.0) if largest <= whole), largest)
    else:
        whole = 65535.0 if largest <= 65535 else float(2**31 - 1)
    scaled: Image = np.clip(values * (255 / whole) + 0.5, 0, 255).astype(np.uint8)
    return scaled


def _turned(image: Image, turn: Pillow.Transpose) -> Image:
    # Its own copy, since Pillow's pixels are read-only.
    return np.array(Pillow.fromarray(image).transpose(turn), dtype=np.uint8)

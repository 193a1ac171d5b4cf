"""The folder in which videos lie until they are read: what it is called, who works in it, what is left over."""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mimik.locks import locked

if TYPE_CHECKING:
    from mimik.store import Store

__all__ = ["alone", "make_private", "place_of", "remove", "tidy", "uploads_folder"]

_log = logging.getLogger(__name__)
_ABANDONED_S = 3600.0
_PLACE = "place"
_LOCK = ".lock"


def uploads_folder(store: Store) -> Path:
    """Where the videos of waiting jobs lie."""
    return store.clips / "uploads"


def make_private(folder: Path) -> None:
    """Make the folder, and that of clips around it, for nobody else to read; what is there stays as it is.

    Raises:
        OSError: it cannot be made.
    """
    for each in (folder.parent, folder):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)


def place_of(folder: Path) -> str:
    """The name by which jobs tell in which folder of uploads their videos lie; made when first asked for.

    It lies in the folder itself: machines that share the folder know it by the same name, and others do not.

    Raises:
        OSError: the folder cannot be written.
    """
    make_private(folder)
    path = folder / _PLACE
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        new = folder / secrets.token_hex(8)
        new.write_text(secrets.token_hex(8), encoding="ascii")
        with suppress(FileExistsError):  # another one was faster
            os.link(new, path)
        new.unlink()
        return path.read_text(encoding="ascii")


@contextmanager
def alone(folder: Path, machine: str) -> Iterator[bool]:
    """Whether no other process of the machine works on the folder, for as long as the context lasts.

    A file a machine: locks do not reach across all shared folders.
    """
    make_private(folder)
    name = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in machine)
    with (folder / f"worker-{name}{_LOCK}").open("a+b") as file:
        yield locked(file.fileno())


def tidy(folder: Path, wanted: set[str]) -> None:
    """Remove copies that no job waits for, but for those that may still be arriving."""
    for path in folder.iterdir():
        if path.name in wanted or path.name == _PLACE or path.name.endswith(_LOCK):
            continue
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - _ABANDONED_S:
                remove(path)


def remove(path: Path | str) -> None:
    try:
        Path(path).unlink(missing_ok=True)
    except OSError as error:
        _log.warning("%s: the copy of a video cannot be deleted: %s", path, error)

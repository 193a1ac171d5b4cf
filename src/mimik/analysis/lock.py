"""One analysis at a time in a folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from mimik.errors import SinkError
from mimik.sinks.whole import unwritable

__all__ = ["FolderLock"]


class FolderLock:
    """Keeps other analyses out of an output folder; the system lets go of it even where the program is killed.

    A context manager. Whoever holds it may remove the folder with the lock's file in it.

    Args:
        output: the folder that is meant, for messages.
        folder: where the lock's file lies; made where it is not there.

    Raises:
        SinkError: the folder cannot be written to, or another analysis writes there; on entering.
    """

    def __init__(self, output: Path, folder: Path) -> None:
        self._output = output
        self._folder = folder
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        path = self._folder / "lock"
        while self._file is None:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                file = path.open("ab")
            except OSError as error:
                raise unwritable(self._output, error) from error
            if not _locked(file):
                file.close()
                raise SinkError(
                    "{path}: another analysis is writing there. Wait for its end, or choose another folder.",
                    path=self._output,
                )
            if _is(file, path):
                self._file = file
            else:  # removed by its holder at that holder's end, between opening and locking
                file.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _is(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _locked(file: IO[bytes]) -> bool:
    """Lock a file; False where another has it. File systems that know no locks count as locked."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        pass
    return True

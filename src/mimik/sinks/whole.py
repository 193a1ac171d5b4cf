"""Files that stay whole when the disk fills up or the program is killed."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path
from typing import IO

from mimik.errors import SinkError

__all__ = ["WholeFile", "stopped", "unwritable"]

_log = logging.getLogger(__name__)


class WholeFile:
    """A file that ends with a whole record after every append.

    Args:
        path: where.
        head: what a new file begins with; it replaces an existing file.
        tail: what closes the file: there after every append, overwritten by the next one.
        keep: bytes of an existing file to go on after, instead of beginning a new one; the rest is cut off.

    Raises:
        SinkError: the file cannot be written.
    """

    def __init__(self, path: Path, head: bytes = b"", tail: bytes = b"", keep: int | None = None) -> None:
        self._path = path
        self._tail = tail
        self._end = keep or 0  # where the tail begins
        try:
            # Unbuffered: what an append has returned from is the system's to keep, even if this process is killed.
            self._file: IO[bytes] = path.open("wb" if keep is None else "r+b", buffering=0)
            if keep is not None:
                self._file.truncate(keep)
        except OSError as error:
            raise unwritable(path, error) from error
        if keep is None:
            try:
                self.append(head)
            except SinkError:
                self._file.close()
                raise

    def append(self, record: bytes) -> None:
        """Write a record.

        Raises:
            SinkError: it cannot be written; the file ends with the record before.
        """
        try:
            self._put(record + self._tail)
        except OSError as error:
            self._mend()
            raise stopped(self._path, error) from error
        except BaseException:  # Ctrl-C between two pieces
            self._mend()
            raise
        self._end += len(record)

    def close(self) -> None:
        """Close the file.

        Raises:
            SinkError: the system tells only now, as network drives may, that it could not write.
        """
        try:
            self._file.close()
        except OSError as error:
            raise stopped(self._path, error) from error

    def _put(self, data: bytes) -> None:
        self._file.seek(self._end)
        view = memoryview(data)
        while view:
            written = self._file.write(view)
            if not written:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            view = view[written:]

    def _mend(self) -> None:
        """Cut off the torn record. The tail's place on the disk was taken before, so it goes in again."""
        try:
            self._put(self._tail)
            self._file.truncate(self._end + len(self._tail))
        except OSError:
            _log.warning("%s: the last record may be torn", self._path)


def unwritable(path: Path, error: OSError) -> SinkError:
    """The error of a file or folder that cannot be written to at all."""
    return SinkError(
        "{path}: cannot be written ({detail}). Choose another place, or change its permissions.",
        path=path,
        detail=error.strerror or str(error),
    )


def stopped(path: Path | str, error: OSError) -> SinkError:
    """The error of a file that could be written for a while, such as on a disk that is full now."""
    return SinkError(
        "{path}: writing stopped ({detail}). What was complete before is kept; make room, then run this again.",
        path=path,
        detail=error.strerror or str(error),
    )

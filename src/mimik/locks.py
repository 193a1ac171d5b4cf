"""Files that one process alone may work on."""

from __future__ import annotations

import os
import sys

__all__ = ["locked"]


def locked(descriptor: int) -> bool:
    """Take the lock of an open file, without waiting: whether it was to be had. Closing the file gives it back."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

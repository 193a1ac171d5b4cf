"""Lines that people type while a run goes on."""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable

__all__ = ["Typed"]

_LOOK_S = 0.2


class Typed:
    """Hands on each line that is typed at a terminal, in a thread of its own.

    Args:
        take: given each line without its end.
    """

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take
        self._over = threading.Event()
        self._rest = b""

    def start(self) -> bool:
        """Begin to listen; False where nobody can type: standard input is no terminal."""
        if sys.platform == "win32" or sys.stdin is None or not sys.stdin.isatty():
            return False
        threading.Thread(target=self._listen, args=(sys.stdin.fileno(),), name="mimik-typed", daemon=True).start()
        return True

    def stop(self) -> None:
        """Listen no more."""
        self._over.set()

    def _listen(self, terminal: int) -> None:
        """Look before reading: a thread that waits in a read cannot be ended, and would take the shell's next line."""
        while not self._over.is_set():
            ready, _, _ = select.select([terminal], [], [], _LOOK_S)
            if not ready or self._over.is_set():
                continue
            try:
                if os.tcgetpgrp(terminal) != os.getpgrp():  # in the background a read would halt the process
                    self._over.wait(_LOOK_S)
                    continue
                read = os.read(terminal, 4096)
            except OSError:  # the terminal is gone
                return
            if not read:
                return
            *lines, self._rest = (self._rest + read).split(b"\n")
            for line in lines:
                self._take(line.decode(errors="replace").strip())

"""How a live run ends: Ctrl-C, SIGTERM, the time being up, or its source."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

__all__ = ["Stop", "ctrl_c", "noting_ctrl_c"]

ctrl_c = threading.Event()
"""Whether Ctrl-C was pressed in this command outside a `Stop`."""


@contextmanager
def noting_ctrl_c() -> Iterator[None]:
    """Note Ctrl-C in `ctrl_c`: a package that is being imported may swallow its KeyboardInterrupt, or raise another
    error in its place, as NumPy and OpenCV do.
    """
    ctrl_c.clear()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is not signal.default_int_handler:
        yield
        return

    def heard(number: int, frame: FrameType | None) -> None:
        ctrl_c.set()
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, heard)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Stop:
    """Ends a run from outside, between two frames. A second Ctrl-C raises KeyboardInterrupt.

    A context manager around the run, for the main thread.

    Args:
        end: called once, in a thread of its own; closes a source, say.
        seconds: end after so long; None: never.

    Attributes:
        exit_code: 130 after Ctrl-C, else 0.
    """

    def __init__(self, end: Callable[[], object], seconds: float | None = None) -> None:
        self.exit_code = 0
        self._end = end
        self._seconds = seconds
        self._wanted = threading.Event()
        self._before: dict[int, object] = {}
        self._thread = threading.Thread(target=self._wait, name="mimik-stop", daemon=True)

    def __enter__(self) -> Self:
        if ctrl_c.is_set():
            raise KeyboardInterrupt
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._heard)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wanted.set()
        # A driver that hangs must not keep the program; the thread is a daemon.
        self._thread.join(timeout=2)
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def limit(self, seconds: float) -> None:
        """End the run so long from now: for runs whose start may take long."""
        timer = threading.Timer(seconds, self._wanted.set)
        timer.daemon = True
        timer.start()

    @property
    def wanted(self) -> bool:
        """Whether the run shall end."""
        return self._wanted.is_set()

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self._wanted.is_set():
            raise KeyboardInterrupt
        if number == signal.SIGINT:
            self.exit_code = 130
        self._wanted.set()

    def _wait(self) -> None:
        """In a thread of its own: a signal's handler may interrupt a lock that closing needs."""
        self._wanted.wait(self._seconds)
        self._wanted.set()
        self._end()

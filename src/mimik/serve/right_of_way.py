"""Live pictures go first: what reads videos in the background waits for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["RightOfWay"]

_RECENT_S = 1.0
_SHARE = 2.0
_LONGEST_S = 2.0


class RightOfWay:
    """Tells background work when it may read its next frame. Safe to use from any thread."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._reading = 0
        self._last = -_RECENT_S

    @contextmanager
    def live(self) -> Iterator[None]:
        """Around the reading of a live frame."""
        with self._news:
            self._reading += 1
        try:
            yield
        finally:
            with self._news:
                self._reading -= 1
                self._last = time.monotonic()
                self._news.notify_all()

    @contextmanager
    def background(self, is_over: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Around a piece of background work, a frame say: afterwards it gives way as long as that took; see there."""
        began = time.monotonic()
        yield
        self.give_way(time.monotonic() - began, is_over)

    def give_way(self, took_s: float, is_over: Callable[[], bool] = lambda: False) -> None:
        """Wait before the next frame in the background.

        While somebody watches live, each thread of background work gets a third of the time, and begins no frame while
        a live one is being read; never does it wait for longer than two seconds, so that it ends some day.

        Args:
            took_s: seconds that the last frame took.
            is_over: whether there is to be no next frame; asked after every live one.
        """
        end = time.monotonic() + min(_LONGEST_S, _SHARE * took_s)
        latest = time.monotonic() + _LONGEST_S
        with self._news:
            while True:
                now = time.monotonic()
                watched = self._reading > 0 or now - self._last < _RECENT_S
                if not watched or is_over() or now >= latest or (now >= end and self._reading == 0):
                    return
                self._news.wait((end if now < end else latest) - now)

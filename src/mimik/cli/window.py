"""A desktop window, through OpenCV's highgui."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

import cv2

from mimik.errors import ConfigError
from mimik.realtime import Realtime, RealtimeStatistics
from mimik.types import Frame, FrameResult, Image

__all__ = ["HighGui", "Screen", "check_screen", "show"]

_TITLE = "Mimik"
_QUIT_KEYS = frozenset({ord("q"), ord("Q"), 27})
_MARK_KEYS = frozenset({ord("m"), ord("M")})


def check_screen() -> None:
    """See to it that a window can be opened: Qt would end the whole process where it cannot.

    Raises:
        ConfigError: there is no screen.
    """
    if not sys.platform.startswith("linux"):
        return
    if os.environ.get("DISPLAY") and _x_server_answers():
        return
    raise ConfigError(
        "There is no screen to show a window on. Leave --window out for the web page, or use --headless for text."
    )


def _x_server_answers() -> bool:
    # OpenCV's Qt speaks to the screen through this very library, so it is there wherever cv2 could be imported.
    name = ctypes.util.find_library("xcb") or "libxcb.so.1"
    try:
        xcb = ctypes.CDLL(name)
    except OSError:
        return True
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    for function in (xcb.xcb_connection_has_error, xcb.xcb_disconnect):
        function.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    broken = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return not broken


class Screen(Protocol):
    """Where pictures are shown."""

    def show(self, image: Image) -> None: ...

    def title(self, text: str) -> None: ...

    def asked_to_quit(self) -> bool:
        """Let the window live for some milliseconds; whether the user wants to leave."""
        ...

    def close(self) -> None: ...


class HighGui:
    """OpenCV's window; of one thread only. q, Esc or closing it quits.

    Args:
        mark: called when m is pressed.
    """

    def __init__(self, mark: Callable[[], None] | None = None) -> None:
        self._mark = mark
        cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        self._sized = False

    def show(self, image: Image) -> None:
        if not self._sized:
            cv2.resizeWindow(_TITLE, image.shape[1], image.shape[0])
            self._sized = True
        cv2.imshow(_TITLE, image)

    def title(self, text: str) -> None:
        cv2.setWindowTitle(_TITLE, text)

    def asked_to_quit(self) -> bool:
        key = cv2.waitKey(5) & 0xFF
        if key in _QUIT_KEYS:
            return True
        if key in _MARK_KEYS and self._mark is not None:
            self._mark()
        return self._sized and cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1

    def close(self) -> None:
        cv2.destroyAllWindows()


def show(
    realtime: Realtime,
    draw: Callable[[Frame, FrameResult | None], Image],
    screen: Screen,
    title: Callable[[RealtimeStatistics], str],
    stopped: Callable[[], bool],
) -> int:
    """Show each newest frame with the latest reading until the user quits or the source ends.

    Args:
        realtime: a live run, already entered.
        draw: makes the picture to show.
        screen: where to.
        title: the window's title, anew every second.
        stopped: whether the run shall end.

    Returns:
        The number of frames shown.

    Raises:
        SourceError: the source broke.
    """
    feed = _Feed(realtime)
    shown, told = 0, time.monotonic()
    try:
        while not (stopped() or feed.ended or screen.asked_to_quit()):
            newest = feed.take()
            if newest is not None:
                screen.show(draw(*newest))
                shown += 1
            if time.monotonic() - told >= 1:
                told = time.monotonic()
                screen.title(title(realtime.statistics()))
    finally:
        screen.close()
    if feed.error is not None:
        raise feed.error
    return shown


class _Feed:
    """Waits for frames in a thread of its own, so that the window lives on while a camera is away."""

    def __init__(self, realtime: Realtime) -> None:
        self.ended = False
        self.error: BaseException | None = None
        self._newest: deque[tuple[Frame, FrameResult | None]] = deque(maxlen=1)
        self._realtime = realtime
        threading.Thread(target=self._run, name="mimik-window", daemon=True).start()

    def take(self) -> tuple[Frame, FrameResult | None] | None:
        """The newest frame, unless it was taken before."""
        try:
            return self._newest.popleft()
        except IndexError:
            return None

    def _run(self) -> None:
        try:
            for newest in self._realtime.frames():
                self._newest.append(newest)
        except BaseException as error:  # handed on whole, to be raised in the window's thread
            self.error = error
        self.ended = True

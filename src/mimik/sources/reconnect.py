"""Live sources that come back: read in a thread of their own, reopened with back-off when they vanish."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from mimik.errors import SourceError
from mimik.sources.notices import tell
from mimik.types import Frame, Image, Notice, SourceKind

__all__ = ["Connection", "Final", "Reconnecting", "Shot"]

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 10.0


class Shot(NamedTuple):
    """One picture of a connection.

    Attributes:
        image: ``(H, W, 3)`` uint8, BGR.
        time_s: seconds since the first picture by its own time stamps; None where only the clock can tell.
    """

    image: Image
    time_s: float | None = None


class Connection(Protocol):
    """An open camera or stream; used by one thread at a time."""

    def read(self) -> Shot | None:
        """Wait for the next picture; None at an end that is meant to be one.

        Raises:
            SourceError: the connection is lost.
        """
        ...

    def close(self) -> None: ...


class Final(SourceError):  # noqa: N818 (the end of a connection, told to the user as its cause)
    """A connection broke that must not be opened anew."""


class Reconnecting:
    """A live source over connections that may break: a `mimik.types.Source`.

    Reading blocks for as long as a driver or a network likes, so it happens in a thread of its own and `close` need not
    wait for it. Whoever iterates slowly misses pictures: the newest wins.

    Args:
        name: what the source is called.
        first: the connection to start with, already open.
        connect: opens another one when that is lost; raises SourceError where it cannot.
        notice: told when the source is lost, and when it is back.
    """

    kind = SourceKind.LIVE

    def __init__(self, name: str, first: Connection, connect: Callable[[], Connection], notice: Notice | None) -> None:
        self.name = name
        self._first: Connection | None = first
        self._connect = connect
        self._notice = notice
        self._news = threading.Condition()
        self._closing = threading.Event()
        self._newest: Frame | None = None
        self._ended = False
        self._error: BaseException | None = None

    def __iter__(self) -> Iterator[Frame]:
        """Each newest picture, until the source ends or is closed.

        Raises:
            SourceError: the source was iterated before.
        """
        with self._news:
            connection, self._first = self._first, None
        if connection is None:
            if self._closing.is_set():
                return
            raise SourceError("{source}: was read already. Open it again.", source=self.name)
        threading.Thread(target=self._feed, args=(connection,), name=f"mimik {self.name}", daemon=True).start()
        try:
            while True:
                with self._news:
                    self._news.wait_for(lambda: self._newest or self._ended or self._closing.is_set())
                    frame, self._newest = self._newest, None
                if self._closing.is_set():
                    return
                if frame is None:
                    if self._error is not None:
                        raise self._error
                    return
                yield frame
        finally:
            self.close()

    def close(self) -> None:
        """End the iteration at once; the connection closes as soon as its read returns."""
        with self._news:
            self._closing.set()
            self._news.notify_all()
            unread, self._first = self._first, None
        if unread is not None:
            unread.close()

    def _feed(self, connection: Connection) -> None:
        try:
            self._read_on(connection)
        except BaseException as error:  # handed on whole, to be raised in the consumer's thread
            self._error = error
        finally:
            with self._news:
                self._ended = True
                self._news.notify_all()

    def _read_on(self, connection: Connection) -> None:
        """Read until the end, over as many connections as it takes."""
        index, start, lost, wait = 0, 0.0, False, FIRST_WAIT_S
        while True:
            try:
                while (shot := connection.read()) is not None:
                    now = time.perf_counter()
                    start = start or now
                    time_s = now - start if shot.time_s is None else shot.time_s
                    with self._news:
                        if self._closing.is_set():
                            return
                        self._newest = Frame(shot.image, index, time_s, now, self.name)
                        self._news.notify_all()
                    if lost:
                        tell(self._notice, "{source}: back", source=self.name)
                    index, lost, wait = index + 1, False, FIRST_WAIT_S
                return
            except SourceError as error:
                if self._closing.is_set():
                    return
                if isinstance(error, Final):
                    raise
            finally:
                connection.close()
            lost = True
            while True:
                tell(self._notice, "{source}: lost; trying again in {seconds} s", source=self.name, seconds=wait)
                if self._closing.wait(wait):
                    return
                wait = min(2 * wait, LONGEST_WAIT_S)
                try:
                    connection = self._connect()
                    break
                except SourceError:
                    continue

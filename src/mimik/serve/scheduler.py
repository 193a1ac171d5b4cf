"""Whose picture is read next: one picture a client in turn, and those of several clients together.

Every client has a `Lane`. A few threads go round the lanes in which something waits, take one picture of each until
they have enough, and read these with one `mimik.pipeline.Pipeline.read_found`. So a client that sends much waits for
itself alone, and the network reads larger batches the more there is to do.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from prometheus_client import Gauge

from mimik.errors import MimikError
from mimik.pipeline import Pipeline
from mimik.serve.problems import ProblemError
from mimik.serve.right_of_way import RightOfWay
from mimik.types import Detection, Face, Frame

__all__ = ["Lane", "PictureReader", "Scheduler", "Work"]

_log = logging.getLogger(__name__)
_JOIN_S = 5.0
_T = TypeVar("_T")
_Prepared = TypeVar("_Prepared")


class Work(Protocol):
    """One picture to be read. Its methods are called in a thread of the scheduler, each at most once.

    Attributes:
        alone: whether it has nothing to do with pictures before it; then `find` need not be asked.
    """

    alone: bool

    def frame(self) -> Frame:
        """Decode it."""
        ...

    def find(self, frame: Frame) -> tuple[Detection, ...]:
        """Where its faces are."""
        ...

    def finish(self, faces: tuple[Face, ...]) -> None:
        """Take its faces, as `Pipeline.read_found` gives them."""
        ...

    def fail(self, error: Exception) -> None:
        """Take what `frame`, `find`, the reading or `finish` raised. Must not raise."""
        ...


class PictureReader(Protocol):
    """Reads pictures that stand alone, in another place than this process. Called from several threads.

    Attributes:
        calls: how many calls keep it busy.
    """

    calls: int

    def read(self, frames: Sequence[Frame]) -> Sequence[tuple[Face, ...]]:
        """Each picture's faces, as `Pipeline.read_found` gives them.

        Raises:
            MimikError: they cannot be read.
        """
        ...


class Lane:
    """One client's place in the round. Made by `Scheduler.lane`; safe to use from any thread.

    Args:
        scheduler: whose it is.
        room: how many pictures may wait; the oldest gives way to the newest.
        ordered: one picture is finished before the next is begun, as tracking wants it.
        queued: a gauge of what waits, over all lanes of this kind; or None.
    """

    def __init__(self, scheduler: Scheduler, room: int, ordered: bool, queued: Gauge | None) -> None:
        self._scheduler = scheduler
        self._room = room
        self._ordered = ordered
        self._queued = queued
        self._waiting: deque[Work] = deque()
        self._busy = False
        self._in_round = False
        self._over = False

    def resize(self, room: int) -> None:
        """Let so many pictures wait from now on."""
        self._room = room

    def offer(self, *works: Work) -> int:
        """Let pictures wait for their turns.

        Returns:
            How many older ones gave way, or of these if there is no room for all or the lane is closed.
        """
        return self._scheduler._offer(self, works)

    async def read(
        self,
        frame: Callable[[], Frame],
        finish: Callable[[tuple[Face, ...]], _T],
        find: Callable[[Frame], tuple[Detection, ...]] | None = None,
    ) -> _T:
        """Let a picture wait for its turn, and for its outcome. The lane must have room.

        Args:
            frame: decodes it, in a thread of the scheduler.
            finish: makes of its faces what is given back, in the same thread.
            find: finds them; None: the detector searches the picture.

        Raises:
            MimikError: the picture cannot be read, or the server stops.
        """
        reading = _Reading(frame, finish, find or self._scheduler.find, alone=find is None)
        self.offer(reading)
        return await reading.outcome

    async def read_all(
        self, pictures: Sequence[tuple[Callable[[], Frame], Callable[[tuple[Face, ...]], _T]]]
    ) -> list[_T | BaseException]:
        """As `read`, with several that wait from now on. Returns each one's outcome, or what was raised instead."""
        readings = [_Reading(frame, finish, self._scheduler.find, alone=True) for frame, finish in pictures]
        self.offer(*readings)
        return await asyncio.gather(*(reading.outcome for reading in readings), return_exceptions=True)

    def close(self) -> int:
        """Forget what waits, and return how many that was; what is being read is finished."""
        return self._scheduler._clear(self)

    def _ready(self) -> bool:
        return bool(self._waiting) and not self._busy and not self._in_round

    def _count(self, change: int) -> None:
        if self._queued is not None and change:
            self._queued.inc(change)


class _Reading(Generic[_T]):
    """Work whose outcome is awaited in the event loop in which it was made."""

    def __init__(
        self,
        frame: Callable[[], Frame],
        finish: Callable[[tuple[Face, ...]], _T],
        find: Callable[[Frame], tuple[Detection, ...]],
        alone: bool,
    ) -> None:
        self.alone = alone
        self._loop = asyncio.get_running_loop()
        self.outcome: asyncio.Future[_T] = self._loop.create_future()
        self._finish = finish
        self.frame = frame
        self.find = find

    def finish(self, faces: tuple[Face, ...]) -> None:
        outcome = self._finish(faces)
        self._post(lambda: self.outcome.set_result(outcome))

    def fail(self, error: Exception) -> None:
        self._post(lambda: self.outcome.set_exception(error))

    def _post(self, settle: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(lambda: None if self.outcome.done() else settle())


class Scheduler:
    """Reads the pictures of all clients in turn.

    Args:
        pipeline: what reads them.
        right_of_way: what lets them go before the queue's videos.
        together: most pictures that are read with one call.
        gather_s: how long a picture may wait for others to be read with it; 0: not at all.
        readers: threads.
        pictures: what reads pictures that stand alone; None: `pipeline`.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        right_of_way: RightOfWay,
        together: int = 4,
        gather_s: float = 0.0,
        readers: int = 2,
        pictures: PictureReader | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._pictures = pictures
        self._right_of_way = right_of_way
        self._together = together
        self._gather_s = gather_s
        self._news = threading.Condition()
        self._round: deque[Lane] = deque()
        self._closing = False
        self._threads = [
            threading.Thread(target=self._work, name=f"mimik-reader-{number}", daemon=True)
            for number in range(1, readers + (0 if pictures is None else pictures.calls) + 1)
        ]
        self._started = False

    def lane(self, room: int = 1, *, ordered: bool = True, queued: Gauge | None = None) -> Lane:
        """A place in the round for one client; see `Lane`."""
        return Lane(self, room, ordered, queued)

    def close(self) -> None:
        """Read nothing more; what waits fails. Blocks until what is being read is finished."""
        with self._news:
            self._closing = True
            self._news.notify_all()
        if self._started:
            for thread in self._threads:
                thread.join(_JOIN_S)
        with self._news:
            left = [work for lane in self._round for work in lane._waiting]
            for lane in self._round:
                self._forget(lane)
        for work in left:
            work.fail(_stopping())

    def _offer(self, lane: Lane, works: Sequence[Work]) -> int:
        with self._news:
            over = lane._over or self._closing
            if not over:
                if not self._started:
                    self._started = True
                    for thread in self._threads:
                        thread.start()
                lane._waiting.extend(works)
                dropped = max(0, len(lane._waiting) - lane._room)
                for _ in range(dropped):
                    lane._waiting.popleft()
                lane._count(len(works) - dropped)
                self._join(lane)
                return dropped
        if self._closing:
            for work in works:
                work.fail(_stopping())
            return 0
        return len(works)

    def _join(self, lane: Lane) -> None:
        if lane._ready():
            lane._in_round = True
            self._round.append(lane)
            self._news.notify()

    def _clear(self, lane: Lane) -> int:
        with self._news:
            lane._over = True
            forgotten = len(lane._waiting)
            self._forget(lane)
        return forgotten

    def _forget(self, lane: Lane) -> None:
        lane._count(-len(lane._waiting))
        lane._waiting.clear()

    def _work(self) -> None:
        while taken := self._take():
            try:
                with self._right_of_way.live():
                    self._read([work for _, work in taken])
            finally:
                with self._news:
                    for lane, _ in taken:
                        lane._busy = False
                        self._join(lane)

    def _take(self) -> list[tuple[Lane, Work]]:
        """What to read next, one picture a lane unless it is unordered; nothing once it is over."""
        taken: list[tuple[Lane, Work]] = []
        with self._news:
            while not taken:
                self._news.wait_for(lambda: self._round or self._closing)
                end = time.monotonic() + self._gather_s
                while not self._closing and 0 < len(self._round) < self._together:
                    if (left := end - time.monotonic()) <= 0:
                        break
                    self._news.wait(left)
                if self._closing:
                    break
                while self._round and len(taken) < self._together:
                    lane = self._round.popleft()
                    lane._in_round = False
                    if not lane._waiting:  # it was closed
                        continue
                    taken.append((lane, lane._waiting.popleft()))
                    lane._count(-1)
                    lane._busy = lane._ordered
                    self._join(lane)
        return taken

    def find(self, frame: Frame) -> tuple[Detection, ...]:
        """The faces of a picture that stands alone."""
        return self._pipeline.find(frame.image)

    def _read(self, works: Sequence[Work]) -> None:
        if self._pictures is None:
            _read(works, _found, self._read_found)
            return
        _read([work for work in works if not work.alone], _found, self._read_found)  # first: these are live
        _read([work for work in works if work.alone], lambda work: work.frame(), self._pictures.read)

    def _read_found(self, found: Sequence[tuple[Frame, tuple[Detection, ...]]]) -> Sequence[tuple[Face, ...]]:
        return self._pipeline.read_found([frame for frame, _ in found], [faces for _, faces in found])


def _found(work: Work) -> tuple[Frame, tuple[Detection, ...]]:
    frame = work.frame()
    return frame, work.find(frame)


def _read(
    works: Sequence[Work],
    prepare: Callable[[Work], _Prepared],
    read: Callable[[Sequence[_Prepared]], Sequence[tuple[Face, ...]]],
) -> None:
    """Prepare pictures and read them together."""
    ready: list[tuple[Work, _Prepared]] = []
    for work in works:
        try:
            ready.append((work, prepare(work)))
        except Exception as error:  # a defect of one client's picture is told to that client alone
            _fail(work, error)
    if not ready:
        return
    try:
        faces = read([prepared for _, prepared in ready])
    except Exception as error:
        if len(ready) == 1 or isinstance(error, ProblemError):  # no picture is to blame for a problem of the server's
            for work, _ in ready:
                _fail(work, error)
            return
        for each in ready:  # whose picture it was shows when each is read alone
            _read([each[0]], lambda _, prepared=each[1]: prepared, read)  # type: ignore[misc]
        return
    for (work, _), each_faces in zip(ready, faces, strict=True):
        _finish(work, each_faces)


def _finish(work: Work, faces: tuple[Face, ...]) -> None:
    try:
        work.finish(faces)
    except Exception as error:
        _fail(work, error)


def _fail(work: Work, error: Exception) -> None:
    if not isinstance(error, MimikError):
        _log.error("A picture could not be read.", exc_info=error)
    try:
        work.fail(error)
    except Exception:  # a thread that ends would be missed by all
        _log.exception("That a picture could not be read could not be told.")


def _stopping() -> ProblemError:
    return ProblemError(503, "The server is being stopped. Try again later.")

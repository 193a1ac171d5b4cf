"""Work that is handed to Ray in waves, each cut while the one before it is read.

Ray Data reads what is known when it starts, with a pool of workers that ends with it. So a wave costs the start of a
pool and the wait for its last piece, and there should be few of them; but to cut all inputs first, which means to go
over all their bytes, would leave the workers without work meanwhile.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable
from threading import Event

from mimik.cluster.segments import Segment

__all__ = ["in_waves"]

_POLL_S = 0.2

_GATHER_S = 2.0
"""How long a wave waits for more than the least to be cut: inputs that are cut by then are read in one wave."""


def in_waves(
    cutting: Callable[[Event], Iterable[list[Segment]]],
    fresh: Callable[[Iterable[list[Segment]]], Iterable[list[Segment]]],
    least: int,
    most: int,
    stop: Event,
) -> Generator[list[list[Segment]], None, None]:
    """Pieces of work in waves: while one is read, what the next one has is cut, in a thread of its own.

    Args:
        cutting: gives all pieces, until it is told to stop.
        fresh: leaves out what was done before; called in the thread that iterates.
        least: pieces that a wave waits for.
        most: pieces that a wave has, and that are cut ahead.
        stop: no more is wanted.

    Raises:
        BaseException: what cutting raised.
    """
    ready: queue.Queue[list[Segment] | BaseException | None] = queue.Queue(most)
    over = Event()

    def put(piece: list[Segment] | BaseException | None) -> None:
        while not over.is_set():
            try:
                ready.put(piece, timeout=_POLL_S)
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            for piece in cutting(over):
                put(piece)
            put(None)
        except BaseException as error:  # handed on whole, to be raised in the caller's thread
            put(error)

    cutter = threading.Thread(target=work, name="mimik-cut", daemon=True)
    cutter.start()
    try:
        ended = False
        while not ended:
            wave: list[list[Segment]] = []
            until = time.monotonic() + _GATHER_S
            while not ended and len(wave) < most:
                if stop.is_set():
                    return
                enough = len(wave) >= least and time.monotonic() >= until  # then only what is there already
                try:
                    piece = ready.get_nowait() if enough else ready.get(timeout=_POLL_S)
                except queue.Empty:
                    if enough:
                        break
                    continue
                if isinstance(piece, BaseException):
                    raise piece
                if piece is None:
                    ended = True
                else:
                    wave.extend(fresh([piece]))
            if wave:
                yield wave
    finally:
        over.set()
        cutter.join(5 * _POLL_S)

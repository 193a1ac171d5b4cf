"""Frames that are ready before they are asked for."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable

from mimik.types import Frame

__all__ = ["ahead"]

_ROOM = 6
"""Each may hold a whole picture."""
_LOOK_S = 0.1


def ahead(frames: Iterable[Frame], room: int = _ROOM) -> Generator[Frame, None, None]:
    """The same frames, made in a thread of their own while those before are worked on.

    What making them raises is raised here, after the frames before it.

    Args:
        frames: from a source that nobody else iterates.
        room: how many may be ready.
    """
    ready: queue.Queue[Frame | None] = queue.Queue(room)
    over = threading.Event()
    raised: list[BaseException] = []

    def put(frame: Frame | None) -> None:
        while not over.is_set():
            try:
                ready.put(frame, timeout=_LOOK_S)
            except queue.Full:
                continue
            return

    def make() -> None:
        try:
            for frame in frames:
                put(frame)
                if over.is_set():
                    return
        except BaseException as error:  # handed on whole, to be raised in the consumer's thread
            raised.append(error)
        put(None)

    maker = threading.Thread(target=make, name="mimik-decode", daemon=True)
    maker.start()
    try:
        while (frame := ready.get()) is not None:
            yield frame
    finally:
        over.set()
        maker.join()
    if raised:
        raise raised[0]

"""A session's video, with nobody to be recognised in it."""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mimik.errors import MimikError
from mimik.sinks.overlay import anonymise
from mimik.sinks.video import AnnotatedVideo
from mimik.types import Box, FrameResult, Notice

__all__ = ["BlurredClip"]

_log = logging.getLogger(__name__)
_HIDE_S = 0.5
_WAITING = 8
_MOST_HELD = 60


class BlurredClip:
    """Writes results as an MP4 in which every face that was found is unrecognisable; off the frame path.

    A face is hidden in its own frame and in those of half a second before and after, so that nobody shows for the
    moment in which the detector has not found them yet, or has lost them. No label is drawn: a clip says nothing of
    single people. Where the encoder cannot follow, frames are left out. Trouble ends the clip and nothing else.

    Args:
        path: the file; its folder is made. An existing one is replaced.
        notice: told when the clip ends too early; logged where None.
        fps: about how many results a second will come.
    """

    def __init__(self, path: Path, notice: Notice | None = None, fps: float = 15.0) -> None:
        self.path = path
        self._notice: Notice = notice or _log_notice
        self._fps = fps
        self._queue: queue.Queue[FrameResult | None] = queue.Queue(_WAITING)
        self._written = 0
        self._over = False
        self._thread = threading.Thread(target=self._write_all, name="mimik-clip", daemon=True)
        self._thread.start()

    def write(self, result: FrameResult, time_s: float) -> None:
        """Take a result without waiting.

        Args:
            result: with its picture.
            time_s: its time within the session, which is the clip's own: the first picture stands from 0 on.
        """
        if not self._over:
            try:
                self._queue.put_nowait(replace(result, frame=replace(result.frame, time_s=time_s)))
            except queue.Full:
                _log.debug("a frame is left out of the clip")

    def close(self) -> bool:
        """Complete the clip; whether there is one. A file without a picture is removed."""
        self._queue.put(None)
        self._thread.join()
        if not self._written:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
        return self._written > 0

    def discard(self) -> None:
        """End the clip and leave nothing of it."""
        self.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _write_all(self) -> None:
        coming = iter(self._queue.get, None)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with AnnotatedVideo(self.path, self._fps) as video:
                for result in _hidden(coming):
                    if not self._written:
                        video.write(replace(result, frame=replace(result.frame, time_s=0.0)))
                    video.write(result)
                    self._written += 1
        except (MimikError, OSError) as error:
            self._notice("The session's clip ends here ({detail}). The session itself goes on.", {"detail": error})
        finally:
            self._over = True
            for _ in coming:  # so that nobody waits for room
                pass


def _log_notice(text: str, values: dict[str, object]) -> None:
    _log.warning("%s", text.format(**values))


def _hidden(results: Iterable[FrameResult]) -> Iterable[FrameResult]:
    """Results whose pictures hide the faces of all results within `_HIDE_S`, and which have no faces any more."""
    seen: deque[tuple[float, list[Box]]] = deque()
    held: deque[FrameResult] = deque()
    for result in results:
        now = result.frame.time_s
        seen.append((now, [face.detection.box for face in result.faces]))
        held.append(result)
        while held and (held[0].frame.time_s < now - _HIDE_S or len(held) > _MOST_HELD):
            yield _hide(held.popleft(), seen)
    while held:
        yield _hide(held.popleft(), seen)


def _hide(result: FrameResult, seen: deque[tuple[float, list[Box]]]) -> FrameResult:
    time_s = result.frame.time_s
    while seen and seen[0][0] < time_s - _HIDE_S:
        seen.popleft()
    near = [box for when, boxes in seen for box in boxes if abs(when - time_s) <= _HIDE_S]
    return replace(result, frame=replace(result.frame, picture=anonymise(result.frame.image, near)), faces=())

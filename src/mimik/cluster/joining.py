"""Segments, put together again: each once, in order, into the spool of its input."""

from __future__ import annotations

import json
import os
from pathlib import Path

from mimik.analysis import Job, Spooled
from mimik.cluster.reading import Reading, Told
from mimik.cluster.segments import Segment
from mimik.errors import SourceError
from mimik.sinks.spool import Ending, Spool, unpack_frames
from mimik.sinks.whole import stopped
from mimik.types import SourceKind

__all__ = ["Joiner"]


class Joiner:
    """One input's segments. What comes before its turn waits in a file beside the spool, over an interruption, too.

    Args:
        job: the input.

    Attributes:
        done: the share of what was to be read that was, 0–1.
    """

    def __init__(self, job: Job) -> None:
        self.done = 0.0
        self._job = job
        self._spool: Spool | None = None
        self._next = 0
        self._waiting: dict[int, Segment] = {}

    def has(self, segment: Segment) -> bool:
        """Whether it was read, in this run or an earlier one; what waits from an earlier one is taken up."""
        if segment.place < self._next or segment.place in self._waiting:
            return True
        if segment.part is None or not self._path(segment).exists():
            return False
        self._waiting[segment.place] = segment
        self.done += segment.share
        return True

    def take(self, reading: Reading) -> bool:
        """Take what came of a segment; False where it was there already: work that was done twice counts once.

        Raises:
            SinkError: it cannot be written.
        """
        segment = reading.segment
        if segment.place < self._next or segment.place in self._waiting:
            return False
        self.done += segment.share
        if segment.place == self._next:
            self._join(reading)
        else:
            self._put(reading)
        return True

    def joined(self) -> Spooled | None:
        """Write what waits and has its turn; the input, once all of it is there.

        Raises:
            SinkError: it cannot be written.
        """
        spool = self._open()
        while spool.ending is None and (reading := self._get()) is not None:
            self._join(reading)
        if spool.ending is None:
            return None
        return Spooled(self._job, spool.ending, spool.frames, spool.last[1] if spool.last else 0.0)

    @property
    def written(self) -> tuple[int, int]:
        """Frames and faces in the spool."""
        spool = self._open()
        return spool.frames, spool.faces

    def begin_anew(self) -> tuple[int, float] | None:
        """Let the rest be cut anew; what waits is kept for it. The last frame that is written."""
        self._waiting.clear()
        self._next = 0
        self.done = 0.0
        return self._open().last

    def close(self) -> None:
        """Let go of the spool."""
        if self._spool is not None:
            self._spool.__exit__(None, None, None)
            self._spool = None

    def _open(self) -> Spool:
        if self._spool is None:
            self._spool = Spool(self._job.spool, self._job.key, turn=None)
        return self._spool

    def _join(self, reading: Reading) -> None:
        spool = self._open()
        for frame in unpack_frames(reading.lines.splitlines(keepends=True)):
            spool.add(frame.frame(str(self._job.path)), frame.faces)
        self._path(reading.segment).unlink(missing_ok=True)
        self._next += 1
        if self._next == reading.segment.count or reading.error is not None:
            spool.finish(_ending(self._job, reading, spool.frames))

    def _path(self, segment: Segment) -> Path:
        frames = 0 if segment.part is None else len(segment.part.stamps)
        return self._job.spool.with_suffix(f".{segment.start}-{frames}")

    def _put(self, reading: Reading) -> None:
        path = self._path(reading.segment)
        draft = path.with_suffix(f"{path.suffix}-draft")
        try:
            with draft.open("wb") as file:
                file.write(json.dumps({"kind": reading.kind, "error": reading.error}).encode() + b"\n" + reading.lines)
                file.flush()
                os.fsync(file.fileno())  # a later run believes what lies there, after a power cut, too
            draft.replace(path)
        except OSError as error:
            raise stopped(path, error) from error
        self._waiting[reading.segment.place] = reading.segment

    def _get(self) -> Reading | None:
        segment = self._waiting.pop(self._next, None)
        if segment is None:
            return None
        head, _, lines = self._path(segment).read_bytes().partition(b"\n")
        values = json.loads(head)
        return Reading(segment, SourceKind(values["kind"]), lines, error=values["error"] and Told(*values["error"]))


def _ending(job: Job, last: Reading, frames: int) -> Ending:
    if last.error is not None:
        return Ending(last.kind, str(_source_error(last.error)))
    if not frames:
        return Ending(last.kind, str(SourceError("{path}: holds no frame.", path=job.path)))
    return Ending(last.kind, None)


def _source_error(told: Told) -> SourceError:
    return SourceError(told.text, **told.values)

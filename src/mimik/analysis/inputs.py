"""The inputs of an analysis: opened, read into their spools, and followed from there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from threading import Event

from mimik.analysis.progress import Meter
from mimik.analysis.reading import read_alone, read_turns
from mimik.errors import SourceError
from mimik.pipeline import Pipeline
from mimik.sinks.spool import Ending, Spool, read_frames
from mimik.sources import Pictures, VideoFile, ahead, is_picture, list_folder
from mimik.types import Frame, FrameResult, Notice, Source, SourceKind

__all__ = ["Job", "Opener", "Spooled", "follow", "open_input", "read_input"]

Opener = Callable[[Path, int], Source]
"""Makes a source of an input, from a frame's index on. Its frames are numbered and timed from the input's beginning."""


@dataclass(frozen=True, slots=True)
class Job:
    """An input that is to be read.

    Attributes:
        path: as given.
        spool: where its readings are kept.
        key: what the spool must say of itself to be of use.
        fps: frames a second to read; None: all.
    """

    path: Path
    spool: Path
    key: dict[str, object]
    fps: float | None

    @staticmethod
    def plan(path: Path, folder: Path, pipeline: str, fps: float | None) -> Job:
        """A job whose spool no other file, no other state of this one and no other options share."""
        size = changed_ns = None
        try:
            stat = path.stat()
        except OSError:
            pass  # opening it will say why
        else:
            size, changed_ns = stat.st_size, stat.st_mtime_ns
        key: dict[str, object] = {
            "input": str(path.absolute()),
            "size": size,
            "changed_ns": changed_ns,
            "pipeline": pipeline,
            "fps": fps,
            "mimik": version("mimik"),
        }
        digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:24]
        return Job(path, folder / f"{digest}.jsonl", key, fps)


@dataclass(frozen=True, slots=True)
class Spooled:
    """An input that has been read.

    Attributes:
        job: the input.
        ending: how it ended.
        frames: frames in its spool.
        duration_s: the last one's time.
    """

    job: Job
    ending: Ending
    frames: int
    duration_s: float


def open_input(path: Path, start: int = 0, notice: Notice | None = None) -> Source:
    """A picture or a video as a source.

    Args:
        path: the file.
        start: index of the first frame wanted.
        notice: told of what the source passes over.

    Raises:
        SourceError: it cannot be read.
    """
    if os.path.isdir(path):  # `mimik.sources.expand_inputs` leaves those that gave no file
        list_folder(path, frozenset())  # says so if it cannot be read
        raise SourceError("{path}: the folder holds neither a picture nor a video.", path=path)
    return Pictures([path], notice=notice) if is_picture(path) else _WholeVideo(path, start=start, notice=notice)


class _WholeVideo(VideoFile):
    """A video that gives what it has and then says if that was not all."""

    def __iter__(self) -> Iterator[Frame]:
        yield from super().__iter__()
        if self.damaged is not None:
            raise SourceError(
                "{source}: damaged ({detail}). What could be read of it was read.",
                source=self.name,
                detail=self.damaged,
            )


def read_input(pipeline: Pipeline, job: Job, opener: Opener, meter: Meter, stop: Event) -> Spooled | None:
    """Read an input, or what is left of it, into its spool; None if stopped before its end.

    Raises:
        SinkError: the spool cannot be written.
    """
    with Spool(job.spool, job.key, pipeline.turn) as spool:
        meter.open(job.path, spool.frames, spool.faces)
        ending = spool.ending
        if ending is None:
            ending = _read(pipeline, job, spool, opener, meter, stop)
            if ending is None:
                return None
            spool.finish(ending)
        return Spooled(job, ending, spool.frames, spool.last[1] if spool.last else 0.0)


def follow(pipeline: Pipeline, spooled: Spooled) -> Iterator[FrameResult]:
    """An input's results, in order, from its spool; their pictures are black."""
    if spooled.ending.kind is None:
        return
    stream = pipeline.stream(spooled.ending.kind)
    for frame in read_frames(spooled.job.spool):
        yield stream.follow(frame.frame(str(spooled.job.path)), frame.faces)


def _read(pipeline: Pipeline, job: Job, spool: Spool, opener: Opener, meter: Meter, stop: Event) -> Ending | None:
    if stop.is_set():
        return None
    try:
        source = opener(job.path, spool.last[0] + 1 if spool.last else 0)
    except SourceError as error:
        return Ending(None, str(error))
    total = getattr(source, "frame_count", None) or 0
    error_text: str | None = None
    try:
        with closing(ahead(source)) as frames:
            if source.kind is SourceKind.PICTURES:
                readings = read_alone(pipeline, frames)
            else:
                readings = read_turns(pipeline, frames, spool.last, job.fps)
            with closing(readings):
                for frame, faces in readings:
                    if stop.is_set():
                        return None
                    spool.add(frame, faces)
                    meter.add(len(faces), (frame.index + 1) / total if total else 0.0)
    except SourceError as error:
        error_text = str(error)
    finally:
        source.close()
    if error_text is None and not spool.frames:
        error_text = str(SourceError("{path}: holds no frame.", path=job.path))
    return Ending(source.kind, error_text)

"""An analysis from its inputs to its files."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Protocol

from mimik.analysis.drawing import Drawing, draw_all, publish
from mimik.analysis.inputs import Job, Opener, Spooled, follow, open_input, read_input
from mimik.analysis.lock import FolderLock
from mimik.analysis.progress import Meter, Progress
from mimik.errors import ConfigError
from mimik.pipeline import Pipeline
from mimik.sinks.rows import failed_row
from mimik.sinks.tables import TABLE_SINKS
from mimik.sinks.whole import unwritable
from mimik.types import Sink

__all__ = ["Engine", "Summary", "analyse"]

_SPOOLS = ".mimik-analysis"
_ANNOTATED = "annotated"


class Engine(Protocol):
    """Reads inputs into their spools, in another way than one after the other in this process."""

    def read(self, jobs: Sequence[Job], meter: Meter, stop: Event) -> list[Spooled]:
        """Read the inputs, or what is left of them.

        Returns:
            Those that were read to their end, in order, up to the first that was not because it was stopped.

        Raises:
            MimikError: the engine cannot be used. What was read is kept.
        """
        ...


@dataclass(frozen=True, slots=True)
class Summary:
    """What an analysis came to.

    Attributes:
        inputs: how many there were.
        failed: how many of them could not be read, or not to their end.
        frames: frames read, earlier runs included.
        faces: faces found in them.
        resumed_frames: frames that an earlier, interrupted run had read.
        seconds: how long this run took.
        faces_per_s: faces read a second in this run.
        files: what was written; empty if interrupted.
        interrupted: it was stopped; the same call goes on from here.
    """

    inputs: int
    failed: int
    frames: int
    faces: int
    resumed_frames: int
    seconds: float
    faces_per_s: float
    files: tuple[Path, ...]
    interrupted: bool


def analyse(
    pipeline: Pipeline,
    inputs: Sequence[Path],
    output: Path,
    *,
    formats: Sequence[str] = ("csv",),
    annotate: bool = False,
    anonymise: bool = False,
    language: str = "en",
    fps: float | None = None,
    progress: Callable[[Progress], None] | None = None,
    stop: Event | None = None,
    opener: Opener = open_input,
    keep: Callable[[Spooled], AbstractContextManager[Sink | None]] | None = None,
    engine: Engine | None = None,
) -> Summary:
    """Read pictures and videos into ``faces.csv``, ``faces.json`` or ``faces.parquet``, a row a face a frame.

    Interrupted in whatever way, the same call goes on from the last whole turn (`Pipeline.turn`), and the result equals
    an uninterrupted one byte for byte. Called again once it is complete, it does all again and replaces the files. An
    input that cannot be read, or not to its end, gets a ``failed`` row; the rest goes on.

    Args:
        pipeline: what reads the frames. Readings of an earlier run are used only if its `Pipeline.identity` was equal.
        inputs: files; doubles count once.
        output: the folder to write to; made where it is not there. Until all is done it also holds
            ``.mimik-analysis``: numbers only, no pictures.
        formats: keys of `mimik.sinks.TABLE_SINKS`.
        annotate: also write pictures and videos with the results drawn in, to the folder ``annotated``.
        anonymise: make faces in them unrecognisable.
        language: of the labels in them.
        fps: read so many frames of a video's second; None: all.
        progress: told after every frame.
        stop: set it, from any thread, to stop after the frame at hand.
        opener: makes a source of an input.
        keep: asked for each input that was read, once everything is; what it gives takes the input's results, too.
        engine: what reads the inputs; None: this process, one after the other.

    Raises:
        ConfigError: a format is unknown, or `fps` is not above 0.
        SinkError: the output cannot be written, or another analysis is writing there. What was read is kept, and the
            same call goes on from it.
    """
    started = time.perf_counter()
    if fps is not None and not (fps > 0 and math.isfinite(fps)):
        raise ConfigError("{fps} frames a second cannot be read. Give a number above 0.", fps=fps)
    stop = stop or Event()
    paths = list(dict.fromkeys(inputs))
    spools = output / _SPOOLS
    targets = _targets(output, formats)
    with FolderLock(output, spools):
        meter = Meter("read", len(paths), progress)
        jobs = [Job.plan(path, spools, pipeline.identity, fps) for path in paths]
        read = _InTurn(pipeline, opener).read if engine is None else engine.read
        done = read(jobs, meter, stop)
        faces_per_s = meter.faces_per_s

        files: list[Path] = []
        if not stop.is_set():
            _write_tables(pipeline, done, spools, targets, keep or (lambda spooled: nullcontext()))
            files += targets.values()
            if annotate:
                drawer = Meter("annotate", len(paths), progress)
                drawing = Drawing(language, anonymise)
                files += draw_all(pipeline, done, output / _ANNOTATED, drawing, opener, drawer, stop)
        interrupted = stop.is_set()
        if not interrupted:
            shutil.rmtree(spools, ignore_errors=True)
        return Summary(
            inputs=len(paths),
            failed=sum(spooled.ending.error is not None for spooled in done),
            frames=meter.frames,
            faces=meter.faces,
            resumed_frames=meter.frames - meter.new_frames,
            seconds=time.perf_counter() - started,
            faces_per_s=faces_per_s,
            files=() if interrupted else tuple(files),
            interrupted=interrupted,
        )


class _InTurn:
    """Reads inputs in this process, one after the other."""

    def __init__(self, pipeline: Pipeline, opener: Opener) -> None:
        self._pipeline = pipeline
        self._opener = opener

    def read(self, jobs: Sequence[Job], meter: Meter, stop: Event) -> list[Spooled]:
        done: list[Spooled] = []
        for job in jobs:
            spooled = read_input(self._pipeline, job, self._opener, meter, stop)
            if spooled is None:
                break
            done.append(spooled)
        return done


def _targets(output: Path, formats: Sequence[str]) -> dict[str, Path]:
    """Format → final file; what is no format or already a folder is told before the work begins."""
    for name in formats:
        if name not in TABLE_SINKS:
            raise ConfigError(
                "{format}: not a table format. Choose from {known}.", format=name, known=", ".join(TABLE_SINKS)
            )
    targets = {name: output / f"faces.{name}" for name in dict.fromkeys(formats)}
    for target in targets.values():
        if os.path.isdir(target):
            raise unwritable(output, IsADirectoryError(f"{target.name} is a folder"))
    return targets


def _write_tables(
    pipeline: Pipeline,
    inputs: Sequence[Spooled],
    spools: Path,
    targets: dict[str, Path],
    keep: Callable[[Spooled], AbstractContextManager[Sink | None]],
) -> None:
    drafts = {name: spools / f"faces.{name}" for name in targets}
    with ExitStack() as stack:
        attributes = pipeline.attributes
        sinks = [stack.enter_context(TABLE_SINKS[name](draft, attributes=attributes)) for name, draft in drafts.items()]
        for spooled in inputs:
            with keep(spooled) as keeper:
                for result in follow(pipeline, spooled):
                    for sink in sinks:
                        sink.write(result)
                    if keeper is not None:
                        keeper.write(result)
            if spooled.ending.error is not None:
                failed = failed_row(str(spooled.job.path), spooled.ending.error, attributes=attributes)
                for sink in sinks:
                    sink.write_rows([failed])
    for name, target in targets.items():
        publish(drafts[name], target)

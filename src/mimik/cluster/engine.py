"""An analysis on Ray Data: inputs cut into segments, the segments read by a pool of workers, their readings joined.

What takes the time, reading frames, is done by the workers. Ids, smoothing and tables follow on the driver, from the
joined spools, as they do after an analysis in one process; so they come out the same.

A worker or machine that is lost is Ray's to replace: what it was reading is read again, and counts once. A segment that
takes its worker down again and again fails its input instead of the analysis.
"""

from __future__ import annotations

import logging
import pickle
import queue
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from itertools import islice, takewhile
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Any, Self

from mimik.analysis import Job, Meter, Spooled
from mimik.cluster.connection import Connection
from mimik.cluster.joining import Joiner
from mimik.cluster.reading import Reader, Reading, Setup, Told
from mimik.cluster.segments import SEGMENT_S, Grid, Segment, Task, cut
from mimik.cluster.waves import in_waves
from mimik.config import Settings
from mimik.errors import ConfigError
from mimik.pipeline import Pipeline
from mimik.sinks.spool import Spool
from mimik.sources import is_picture
from mimik.sources.notices import tell
from mimik.types import Notice, SourceKind

__all__ = ["RayEngine"]

_PICTURES = 16
"""Pictures that one piece of work has."""

_WAVE = 2000
"""Most pieces of work that are handed to Ray at once."""

_WAVE_EACH = 4
"""Pieces of work a worker that make a wave worth starting a pool for."""

_CUTTERS = 8
_ATTEMPTS = 4
_POLL_S = 0.2


class RayEngine:
    """Reads inputs on a cluster: a `mimik.analysis.Engine`.

    Args:
        connection: the cluster.
        settings: of the pipeline.
        pipeline: the driver's own, which tells what the workers' must be like.
        notice: told of trouble with inputs.
        workers: most workers; None: one a processor core.
        segment_s: about how many seconds of video a segment has.
    """

    def __init__(
        self,
        connection: Connection,
        settings: Settings,
        pipeline: Pipeline,
        notice: Notice | None = None,
        workers: int | None = None,
        segment_s: float = SEGMENT_S,
    ) -> None:
        self._settings = settings.model_copy(update={"threads": 1})  # a worker has one core
        self._pipeline = pipeline
        self._notice = notice
        self._workers = workers or connection.cpus
        self._grid = Grid.plan(settings.search_s, pipeline.attributes, segment_s)

    def read(self, jobs: Sequence[Job], meter: Meter, stop: Event) -> list[Spooled]:
        """Read the inputs, or what is left of them; see `mimik.analysis.Engine`.

        Raises:
            ConfigError: a machine does not see an input, has another version or other models, or the cluster was lost.
            SinkError: a spool cannot be written.
        """
        setup = Setup(self._settings, self._pipeline.identity, version("mimik"), jobs[0].fps if jobs else None)
        with _Run(self._pipeline, jobs, self._grid, meter, self._notice) as run:
            tasks = run.tasks()
            while tasks and not stop.is_set():
                least = _WAVE_EACH * self._workers
                with closing(in_waves(partial(_cut_all, tasks), run.fresh, least, max(_WAVE, least), stop)) as waves:
                    for wave in waves:
                        for reading in self._readings(setup, wave, stop):
                            run.take(reading)
                tasks = run.left()
            return run.finished()

    def _readings(self, setup: Setup, wave: list[list[Segment]], stop: Event) -> Iterator[Reading]:
        """What comes of pieces of work, in whatever order."""
        import ray.data
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        logging.getLogger("ray.data").setLevel(logging.getLogger("ray").level)  # importing it has set another
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        # On the driver's machine, without which there is no run.
        here: Any = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        attempts = ray.remote(num_cpus=0, max_restarts=-1, scheduling_strategy=here)(_Attempts).remote()
        done = ray.data.from_items(
            [{"work": pickle.dumps(segments)} for segments in wave], override_num_blocks=len(wave)
        ).map_batches(
            _Worker,
            fn_constructor_args=(setup, attempts),
            batch_size=1,
            batch_format="numpy",
            num_cpus=1,
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=self._workers, initial_size=self._workers),
        )
        for row in _until(stop, done.iter_rows()):
            yield from pickle.loads(row["readings"])  # noqa: S301 (of our own workers)


class _Worker:
    """What Ray Data starts on each core, and starts again where it is lost, with the work that was lost with it."""

    def __init__(self, setup: Setup, attempts: Any) -> None:
        self._reader = Reader(setup)
        self._attempts = attempts

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[bytes]]:
        works = [pickle.loads(work) for work in batch["work"]]  # noqa: S301 (of our own driver)
        return {"readings": [pickle.dumps([self._read(segment) for segment in work]) for work in works]}

    def _read(self, segment: Segment) -> Reading:
        import ray
        from ray.exceptions import RayError

        try:
            attempts = ray.get(self._attempts.begin.remote(segment.task.number, segment.start))
        except RayError:  # who counts is away; the work does not wait for that
            attempts = 0
        if attempts > _ATTEMPTS:
            return Reading(segment, lost=True)
        reading = self._reader.read(segment)
        self._attempts.end.remote(segment.task.number, segment.start)
        if attempts < 2:
            return reading
        again = Told(
            "{path}: a worker was lost while it read it; another one has read that part.", {"path": segment.task.name}
        )
        return replace(reading, notices=(again, *reading.notices))


class _Attempts:
    """Counts how often each segment was begun and not ended: so often, it took its worker down."""

    def __init__(self) -> None:
        self._open: Counter[tuple[int, int]] = Counter()

    def begin(self, number: int, start: int) -> int:
        self._open[number, start] += 1
        return self._open[number, start]

    def end(self, number: int, start: int) -> None:
        del self._open[number, start]


class _Run:
    """Where the inputs of one analysis are."""

    def __init__(
        self, pipeline: Pipeline, jobs: Sequence[Job], grid: Grid, meter: Meter, notice: Notice | None
    ) -> None:
        self._pipeline = pipeline
        self._jobs = jobs
        self._grid = grid
        self._meter = meter
        self._notice = notice
        self._done: dict[int, Spooled] = {}
        self._joiners: dict[int, Joiner] = {}
        self._deviated: dict[int, int] = {}
        """Of inputs that are to be read in one go from there: the place of the first segment that deviated."""
        self._counted: dict[int, tuple[int, int]] = {}
        """Frames and faces that the meter has of each input that is not done."""
        self._share = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for joiner in self._joiners.values():
            joiner.close()

    def tasks(self) -> list[Task]:
        """What an earlier run has left to do."""
        tasks = []
        for number, job in enumerate(self._jobs):
            with Spool(job.spool, job.key, self._pipeline.turn) as spool:
                self._meter.open(job.path, spool.frames, spool.faces)
                if spool.ending is not None:
                    self._done[number] = Spooled(job, spool.ending, spool.frames, spool.last[1] if spool.last else 0.0)
                    self._share += 1
                else:
                    self._joiners[number] = Joiner(job)
                    self._counted[number] = spool.frames, spool.faces
                    tasks.append(self._task(number, spool.last))
        return tasks

    def fresh(self, works: Iterable[list[Segment]]) -> Iterator[list[Segment]]:
        """Pieces of work, without what was done before."""
        for work in works:
            if left := [segment for segment in work if not self._has(segment)]:
                yield left

    def take(self, reading: Reading) -> None:
        """Take what came of a segment.

        Raises:
            ConfigError: a machine cannot work.
            SinkError: it cannot be written.
        """
        if reading.trouble is not None:
            raise ConfigError(reading.trouble.text, **reading.trouble.values)
        if reading.defect is not None:
            raise RuntimeError(f"on a worker, with {reading.segment.task.path}:\n{reading.defect}")
        number, place = reading.segment.task.number, reading.segment.place
        joiner = self._joiners.get(number)
        if joiner is None:  # it is complete: the work was done twice
            return
        if reading.deviated:
            self._deviated[number] = min(place, self._deviated.get(number, place))
            return
        if reading.lost:
            path = self._jobs[number].path
            lost = Told(
                "{path}: its worker was lost {times} times while it read it. Perhaps it needs more memory.",
                {"path": str(path), "times": str(_ATTEMPTS)},
            )
            reading = replace(reading, lost=False, kind=_kind(path), error=lost)
        if place >= self._deviated.get(number, place + 1):
            return
        before = joiner.done
        if not joiner.take(reading):
            return
        for told in (*reading.notices, *(() if reading.error is None else (reading.error,))):
            tell(self._notice, told.text, **told.values)
        self._share += joiner.done - before
        frames, faces = self._counted[number]
        self._counted[number] = frames + reading.frames, faces + reading.faces
        self._complete(number)
        self._meter.add_many(
            self._jobs[number].path, len(self._done), reading.frames, reading.faces, self._share / len(self._jobs)
        )

    def left(self) -> list[Task]:
        """What is to be done in another round: the rest of inputs that deviated, in one go."""
        for number in list(self._joiners):
            self._complete(number)  # where all of it waited from an earlier run
        tasks = []
        for number in self._deviated:
            joiner = self._joiners.get(number)
            if joiner is None:  # it ended before that, with an error
                continue
            self._share -= joiner.done
            tasks.append(self._task(number, joiner.begin_anew(), whole=True))
        self._deviated.clear()
        return tasks

    def finished(self) -> list[Spooled]:
        """The inputs that were read to their end, in order, up to the first that was not."""
        return [self._done[number] for number in takewhile(self._done.__contains__, range(len(self._jobs)))]

    def _task(self, number: int, after: tuple[int, float] | None, whole: bool = False) -> Task:
        job = self._jobs[number]
        size = job.key["size"]
        assert size is None or isinstance(size, int)
        return Task(number, str(job.path.absolute()), str(job.path), self._grid, after, size, whole)

    def _has(self, segment: Segment) -> bool:
        joiner = self._joiners.get(segment.task.number)
        if joiner is None:  # it ended in an earlier wave, with an error
            return True
        before = joiner.done
        has = joiner.has(segment)
        self._share += joiner.done - before
        return has

    def _complete(self, number: int) -> bool:
        """Whether all of an input is there."""
        joiner = self._joiners[number]
        spooled = joiner.joined()
        if spooled is None:
            return False
        (frames, faces), (frames_counted, faces_counted) = joiner.written, self._counted.pop(number)
        self._meter.settle(frames - frames_counted, faces - faces_counted)
        self._done[number] = spooled
        self._joiners.pop(number).close()
        return True


def _kind(path: Path) -> SourceKind:
    return SourceKind.PICTURES if is_picture(path) else SourceKind.VIDEO


def _cut_all(tasks: Sequence[Task], stop: Event) -> Iterator[list[Segment]]:
    """Pieces of work: one segment of a video, or several pictures. Videos are cut on the cluster, some ahead."""
    import ray
    from ray.exceptions import RayError, RayTaskError

    cutting = ray.remote(num_cpus=0, max_retries=_ATTEMPTS)(_cut)
    pictures = [task for task in tasks if is_picture(task.path)]
    for first in range(0, len(pictures), _PICTURES):
        yield [segment for task in pictures[first : first + _PICTURES] for segment in cut(task)]
    videos = (task for task in tasks if not is_picture(task.path))
    ahead = deque((task, cutting.remote(task)) for task in islice(videos, _CUTTERS))
    while ahead and not stop.is_set():
        task, cutter = ahead.popleft()
        while not ray.wait([cutter], timeout=_POLL_S)[0]:
            if stop.is_set():
                return
        try:
            segments = ray.get(cutter)
        except RayTaskError:  # a defect
            raise
        except RayError:  # it takes its workers down: reading it, which is counted, will tell
            segments = _cut(replace(task, whole=True))
        ahead.extend((task, cutting.remote(task)) for task in islice(videos, 1))
        for segment in segments:
            yield [segment]


def _cut(task: Task) -> list[Segment]:
    return list(cut(task))


def _until(stop: Event, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows, in a thread of their own, so that nobody who wants to stop has to wait for the next.

    Raises:
        ConfigError: there is no cluster any more.
    """
    from ray.exceptions import RayError

    coming: queue.Queue[dict[str, Any] | BaseException | None] = queue.Queue()
    over = Event()

    def work() -> None:
        try:
            for row in rows:
                coming.put(row)
                if over.is_set():
                    return
            coming.put(None)
        except BaseException as error:  # handed on whole, to be raised in the caller's thread
            coming.put(error)

    threading.Thread(target=work, name="mimik-ray", daemon=True).start()
    try:
        while not stop.is_set():
            try:
                row = coming.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if isinstance(row, RayError):
                raise ConfigError(
                    "The Ray cluster was lost ({detail}). What was read is kept: give the same command again.",
                    detail=str(row).strip().splitlines()[-1][:300],
                ) from row
            if isinstance(row, BaseException):
                raise row
            if row is None:
                return
            yield row
    finally:
        over.set()

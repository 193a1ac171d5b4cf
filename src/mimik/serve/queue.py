"""The analysis queue's worker: one video after the other becomes a session, while live views go first."""

from __future__ import annotations

import logging
import math
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mimik.analysis.reading import read_turns
from mimik.errors import MimikError, MissingError, SourceError, StoreError
from mimik.pipeline import Pipeline
from mimik.serve.copies import alone, place_of, remove, tidy, uploads_folder
from mimik.serve.lease import Ended, Lease, Lost, find_job
from mimik.serve.limits import Limits
from mimik.serve.right_of_way import RightOfWay
from mimik.sources import VideoFile, ahead
from mimik.store import SessionWriter
from mimik.store.queue import LEASE_S
from mimik.store.values import Job, JobState
from mimik.types import SourceKind

if TYPE_CHECKING:
    from mimik.store import Store

__all__ = ["QueueWorker"]

_log = logging.getLogger(__name__)
_LOOK_S = 2.0
_TELL_S = 0.25
_STOP_S = 1.0
_TRIES = 20
_SAME_S = 60.0
_TIDY_S = 600.0
_UNFINISHED = (JobState.QUEUED, JobState.RUNNING)
_DEFECT = "Something broke inside Mimik; its log says more."
_TOO_LONG = (
    "The analysis took longer than {limit} s and was ended. What was read until then is kept, as an interrupted"
    " session. Cut the video into parts, or raise MIMIK_LIMIT_JOB_S."
)


class _TooLong(Exception):  # noqa: N818 (the session's end, told to the user otherwise)
    """The job may take no longer; not a `MimikError`, so that its session counts as interrupted."""


class _Unsaved(Exception):  # noqa: N818 (no error)
    """Part of what was read could not be saved; the video is to be read anew."""


class QueueWorker:
    """Reads the videos of the queue in a thread of its own, one at a time; one worker a machine and folder of uploads.

    A worker only takes jobs whose videos lie in its own folder of uploads. Several machines may share the folder and
    the database: each job is one worker's, by a lease that it renews, and another's once the lease has run out.

    Args:
        pipeline: what reads the frames.
        right_of_way: whom to give way to.
        limits: how long a job may take.
        machine: the machine's name.
        lease_s: after so many seconds without a sign of life, a job goes to another worker.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        right_of_way: RightOfWay,
        limits: Limits | None = None,
        *,
        machine: str | None = None,
        lease_s: float = LEASE_S,
    ) -> None:
        self._pipeline = pipeline
        self._right_of_way = right_of_way
        limits = limits or Limits.read()
        self._job_s, self._megapixels = limits.job_s, limits.megapixels
        self._machine = (socket.gethostname() if machine is None else machine)[:64]
        self._name = f"{self._machine}:{secrets.token_hex(8)}"
        self._lease_s = lease_s
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._ending = threading.Lock()
        self._cancelled: set[str] = set()
        self._thread: threading.Thread | None = None
        self._said, self._said_at = "", 0.0

    def start(self, store: Store) -> None:
        """Begin to work; jobs that a worker before left half done start anew. Safe to call again."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, args=(store,), name="mimik-queue", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Tell that a job waits."""
        self._news.set()

    def cancel(self, store: Store, job: str) -> Job:
        """End a job that is not over yet; what was read of it goes away within a second.

        Raises:
            StoreError: there is no such job.
        """
        with self._ending:
            now = store.job(job)
            if now.state not in _UNFINISHED:
                return now
            self._cancelled.add(job)
            cancelled = store.update_job(job, state=JobState.CANCELLED, left_s=None)
        if now.state is JobState.QUEUED:
            remove(now.path)
        return cancelled

    def stop(self) -> None:
        """End the thread; a job under way waits for the next start."""
        self._stopping.set()
        self._news.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)

    def _work(self, store: Store) -> None:
        folder = uploads_folder(store)
        while not self._stopping.is_set():
            try:
                with alone(folder, self._machine) as nobody_else:
                    if nobody_else:
                        self._work_alone(store, folder)
            except (StoreError, OSError) as error:
                said = str(error) if isinstance(error, StoreError) else f"{folder}: {error}"
                self._warn(f"the queue waits: {said}")
            except Exception:  # a defect must not leave a server that takes videos and never reads them
                _log.exception("the queue broke; it begins anew in %g s", _SAME_S)
                self._stopping.wait(_SAME_S)
            self._stopping.wait(_LOOK_S)

    def _work_alone(self, store: Store, folder: Path) -> None:
        store.requeue_running(
            f"{self._machine}:", place_of(folder)
        )  # no process of this machine works here but this one
        for job in store.jobs():
            if job.session is not None and _leaves_half(job):
                _forget_session(store, job.session)
        tidied = -math.inf
        while not self._stopping.is_set():
            self._news.clear()
            claimed = store.claim_job(self._name, place_of(folder), self._lease_s)  # deleting everything took the name
            if claimed is None:
                if time.monotonic() - tidied > _TIDY_S:  # jobs are also cancelled and deleted by other machines
                    tidied = time.monotonic()
                    tidy(folder, {Path(job.path).name for job in store.jobs() if job.state in _UNFINISHED})
                self._news.wait(_LOOK_S)
                continue
            if claimed.session is not None:  # of a worker that is not heard of any more
                _forget_session(store, claimed.session)
            self._run(store, claimed, folder / Path(claimed.path).name if claimed.place else Path(claimed.path))

    def _run(self, store: Store, job: Job, path: Path) -> None:
        error: tuple[str, dict[str, str]] | None = None
        lease = Lease(store, job.id, self._name, self._lease_s)
        try:
            with lease:
                error = self._read(store, job, path, lease)
            state = JobState.DONE
        except Lost:
            _log.warning("job %s: another worker has it now", job.id)
            return
        except _Unsaved:
            _log.warning("job %s: part of its session could not be saved, so it is read anew", job.id)
            return  # once the lease has run out
        except Ended:
            state = JobState.CANCELLED
        except _TooLong:
            state, error = JobState.FAILED, (_TOO_LONG, {"limit": f"{self._job_s:g}"})
        except MimikError as trouble:
            state, error = JobState.FAILED, (trouble.text, _shown(trouble, job, path))
        except Exception:  # a defect ends the job and not the queue
            if self._stopping.is_set():  # an interpreter that shuts down starts no readers any more
                return
            _log.exception("job %s", job.id)
            state, error = JobState.FAILED, (_DEFECT, {})
        if self._stopping.is_set() and state is not JobState.DONE:
            return  # the next start finds it running, and begins it anew
        while True:  # however long the store is away: what was read is not read twice
            try:
                if self._finish(store, job, state, error, lease.session):
                    remove(path)
                return
            except StoreError as trouble:
                self._warn(f"job {job.id}: its end cannot be saved yet: {trouble}")
            if self._stopping.wait(_LOOK_S):
                return

    def _finish(
        self, store: Store, job: Job, state: JobState, error: tuple[str, dict[str, str]] | None, session: str | None
    ) -> bool:
        """Close a job; whether it was this worker's until then, or was cancelled."""
        with self._ending:
            now = find_job(store, job.id)
            if now is not None and now.state is not JobState.CANCELLED:
                progress = {"progress": 1.0} if state is JobState.DONE else {}
                try:
                    now = store.update_job(job.id, worker=self._name, state=state, error=error, left_s=None, **progress)
                except MissingError:
                    now = find_job(store, job.id)
                    if now is not None and now.state is not JobState.CANCELLED:
                        _drop_session(store, session)
                        return False
            self._cancelled.discard(job.id)
        half = session if now is None else now.session
        if half is not None and (now is None or _leaves_half(now)):
            _forget_session(store, half)
        return True

    def _read(self, store: Store, job: Job, path: Path, lease: Lease) -> tuple[str, dict[str, str]] | None:
        """Make a session of a video; returns what was wrong with the video.

        Raises:
            SourceError: it is no video.
            StoreError: the session cannot be begun.
            Ended: it is not to go on.
            Lost: it is another worker's now.
            _TooLong: it took longer than it may.
            _Unsaved: the store took too little of it.
        """
        video = VideoFile(path, megapixels=self._megapixels)
        stream = self._pipeline.stream(SourceKind.VIDEO)
        draft = replace(
            job.draft,
            live=False,
            source=job.name,
            model=self._pipeline.model,
            started_at=video.recorded_at,
        )
        writer = SessionWriter(store, draft, wall_clock=False)

        def go_on() -> None:
            if lease.lost:
                raise Lost
            if self._is_over(job):
                raise Ended

        @contextmanager
        def pace() -> Iterator[None]:
            go_on()
            with self._right_of_way.background(lambda: self._is_over(job) or lease.lost):
                yield

        try:
            with ExitStack() as stack:
                self._patiently(job, lambda: stack.enter_context(writer))
                lease.session = writer.session.id
                self._patiently(job, lambda: lease.update(session=writer.session.id, frame_count=video.frame_count))
                began = told = time.monotonic()
                frames = stack.enter_context(closing(ahead(video)))
                for frame, faces in stack.enter_context(closing(read_turns(self._pipeline, frames, pace=pace))):
                    writer.write(stream.follow(frame, faces))
                    now = time.monotonic()
                    if now - told >= _TELL_S:
                        told = now
                        self._tell(
                            lease, job, _progress(video, frame.index, frame.time_s), frame.index + 1, now - began
                        )
                    go_on()
                    if now - began > self._job_s:
                        raise _TooLong
                read = frame.index + 1
        except Lost:
            _drop_session(store, writer.session.id)
            raise
        except StoreError:
            if lease.lost:  # whoever has the job deleted the session
                raise Lost from None
            raise
        if writer.lost_s > 0:
            raise _Unsaved
        with suppress(StoreError):  # what is told at last; `_finish` finds out who has the job
            lease.update(frames=read, frame_count=read)
        if video.damaged is not None:
            damaged = SourceError(
                "{source}: damaged ({detail}). What could be read of it was read.",
                source=job.name,
                detail=video.damaged,
            )
            return damaged.text, _shown(damaged, job, path)
        return None

    def _is_over(self, job: Job) -> bool:
        return self._stopping.is_set() or job.id in self._cancelled

    def _tell(self, lease: Lease, job: Job, progress: float, frames: int, took_s: float) -> None:
        left_s = took_s / progress * (1 - progress) if progress > 0 else None
        try:
            lease.update(progress=progress, left_s=left_s, frames=frames)
        except StoreError as error:
            self._warn(f"job {job.id}: its progress cannot be saved: {error}")

    def _patiently(self, job: Job, work: Callable[[], object]) -> None:
        """Do something with the store, which may be away for a while.

        Raises:
            StoreError: it was away for too long, or the job is not to go on.
        """
        for left in reversed(range(_TRIES)):
            try:
                work()
                return
            except StoreError as error:
                if not left or self._is_over(job):
                    raise
                self._warn(f"job {job.id} waits: {error}")
            self._stopping.wait(_LOOK_S)

    def _warn(self, text: str) -> None:
        """Log trouble; the same once a minute, though a server be away for hours."""
        now = time.monotonic()
        if text != self._said or now - self._said_at > _SAME_S:
            _log.warning("%s", text)
            self._said, self._said_at = text, now


def _progress(video: VideoFile, index: int, time_s: float) -> float:
    if video.duration_s:
        return min(0.999, time_s / video.duration_s)
    return min(0.999, (index + 1) / video.frame_count) if video.frame_count else 0.0


def _leaves_half(job: Job) -> bool:
    """Whether the session of a job, if there is one, is to be deleted."""
    if job.error is not None and job.error[0] == _TOO_LONG:
        return False
    return job.state not in (JobState.DONE, JobState.RUNNING)


def _shown(error: MimikError, job: Job, path: Path) -> dict[str, str]:
    """An error's values, with the video's name in place of where its copy lies."""
    return {name: job.name if str(value) == str(path) else str(value) for name, value in error.values.items()}


def _forget_session(store: Store, session: str) -> None:
    """Delete a half session, but not the job that began it; where that fails, the next start does it."""
    try:
        store.delete(session, keep_job=True)
    except MissingError:
        pass  # somebody deleted it
    except StoreError as error:
        _log.warning("session %s of a video that was not read to its end stays: %s", session, error)


def _drop_session(store: Store, session: str | None) -> None:
    """Delete what a worker read that had lost its job; the job is not its own to change."""
    if session is not None:
        with suppress(StoreError):  # whoever has the job did so already
            store.delete(session, keep_job=True)

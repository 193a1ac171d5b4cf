"""The analysis queue's worker: one video after the other becomes a session, while live views go first."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mimik.errors import MimikError, MissingError, SourceError, StoreError
from mimik.pipeline import Pipeline
from mimik.serve.right_of_way import RightOfWay
from mimik.sources import VideoFile
from mimik.store import SessionWriter
from mimik.store.values import Job, JobState
from mimik.types import SourceKind

if TYPE_CHECKING:
    from mimik.store import Store

__all__ = ["QueueWorker", "uploads_folder"]

_log = logging.getLogger(__name__)
_LOOK_S = 2.0
_TELL_S = 0.25
_STOP_S = 1.0
_TRIES = 20
_SAME_S = 60.0
_ABANDONED_S = 3600.0
_DEFECT = "Something broke inside Mimik; its log says more."


def uploads_folder(store: Store) -> Path:
    """Where the videos of waiting jobs lie."""
    return store.clips / "uploads"


class _Ended(Exception):  # noqa: N818 (no error)
    """The job is not to go on: it was cancelled, or the server stops."""


class QueueWorker:
    """Reads the videos of the queue in a thread of its own, one at a time; one worker a folder of uploads.

    Args:
        pipeline: what reads the frames.
        right_of_way: whom to give way to.
    """

    def __init__(self, pipeline: Pipeline, right_of_way: RightOfWay) -> None:
        self._pipeline = pipeline
        self._right_of_way = right_of_way
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._ending = threading.Lock()
        self._cancelled: set[str] = set()
        self._thread: threading.Thread | None = None

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
            if now.state not in (JobState.QUEUED, JobState.RUNNING):
                return now
            self._cancelled.add(job)
            cancelled = store.update_job(job, state=JobState.CANCELLED, left_s=None)
        if now.state is JobState.QUEUED:
            _remove(now.path)
        return cancelled

    def stop(self) -> None:
        """End the thread; a job under way waits for the next start."""
        self._stopping.set()
        self._news.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)

    def _work(self, store: Store) -> None:
        folder, told, at = uploads_folder(store), "", 0.0
        while not self._stopping.is_set():
            try:
                with _alone(folder) as alone:
                    if alone:
                        self._work_alone(store, folder)
            except (StoreError, OSError) as error:
                said = str(error) if isinstance(error, StoreError) else f"{folder}: {error}"
                if said != told or time.monotonic() - at > _SAME_S:  # once, though a server be away for hours
                    _log.warning("the queue waits: %s", said)
                told, at = said, time.monotonic()
            self._stopping.wait(_LOOK_S)

    def _work_alone(self, store: Store, folder: Path) -> None:
        for job in store.jobs():
            if job.state is not JobState.DONE and job.session is not None:
                _forget_session(store, job.session)
        store.requeue_running()
        _tidy(folder, {Path(job.path).name for job in store.jobs() if job.state is JobState.QUEUED})
        while not self._stopping.is_set():
            self._news.clear()
            claimed = store.claim_job()
            if claimed is None:
                self._news.wait(_LOOK_S)
            else:
                self._run(store, claimed)

    def _run(self, store: Store, job: Job) -> None:
        error: tuple[str, dict[str, str]] | None = None
        session: str | None = None
        try:
            session, error = self._read(store, job)
            state = JobState.DONE
        except _Ended:
            state = JobState.CANCELLED
        except MimikError as trouble:
            state, error = JobState.FAILED, (trouble.text, _shown(trouble, job))
        except Exception:  # a defect ends the job and not the queue
            _log.exception("job %s", job.id)
            state, error = JobState.FAILED, (_DEFECT, {})
        if self._stopping.is_set() and state is not JobState.DONE:
            return  # the next start finds it running, and begins it anew
        for _ in range(_TRIES):
            with suppress(StoreError):
                self._finish(store, job, state, error, session)
                break
            if self._stopping.wait(_LOOK_S):
                return
        _remove(job.path)

    def _finish(
        self, store: Store, job: Job, state: JobState, error: tuple[str, dict[str, str]] | None, session: str | None
    ) -> None:
        with self._ending:
            now = _job(store, job.id)
            if now is not None and now.state is not JobState.CANCELLED:
                progress = {"progress": 1.0} if state is JobState.DONE else {}
                now = store.update_job(job.id, state=state, error=error, left_s=None, **progress)
            self._cancelled.discard(job.id)
        half = session if now is None else now.session
        if half is not None and (now is None or now.state is not JobState.DONE):
            _forget_session(store, half)

    def _read(self, store: Store, job: Job) -> tuple[str, tuple[str, dict[str, str]] | None]:
        """Make a session of a video; returns its id, and what was wrong with the video.

        Raises:
            SourceError: it is no video.
            StoreError: the session cannot be begun.
            _Ended: it is not to go on.
        """
        video = VideoFile(job.path)
        stream = self._pipeline.stream(SourceKind.VIDEO)
        draft = replace(
            job.draft,
            live=False,
            source=job.name,
            model=self._pipeline.model,
            started_at=video.recorded_at,
        )
        with SessionWriter(store, draft, wall_clock=False) as writer:
            store.update_job(job.id, session=writer.session.id)
            began = told = last = time.monotonic()
            for frame in video:
                writer.write(stream.process(frame))
                now = time.monotonic()
                if now - told >= _TELL_S:
                    told = now
                    self._tell(store, job, _progress(video, frame.index, frame.time_s), now - began)
                self._right_of_way.give_way(now - last, lambda: self._is_over(job))
                if self._is_over(job):
                    raise _Ended
                last = time.monotonic()
        if video.damaged is not None:
            damaged = SourceError(
                "{source}: damaged ({detail}). What could be read of it was read.",
                source=job.name,
                detail=video.damaged,
            )
            return writer.session.id, (damaged.text, _shown(damaged, job))
        return writer.session.id, None

    def _is_over(self, job: Job) -> bool:
        return self._stopping.is_set() or job.id in self._cancelled

    def _tell(self, store: Store, job: Job, progress: float, took_s: float) -> None:
        left_s = took_s / progress * (1 - progress) if progress > 0 else None
        try:
            now = store.update_job(job.id, progress=progress, left_s=left_s)
        except MissingError as error:  # everything was deleted
            raise _Ended from error
        except StoreError as error:
            _log.warning("job %s: its progress cannot be saved: %s", job.id, error)
        else:
            if now.state is not JobState.RUNNING:  # cancelled by another process
                raise _Ended


def _progress(video: VideoFile, index: int, time_s: float) -> float:
    if video.duration_s:
        return min(0.999, time_s / video.duration_s)
    return min(0.999, (index + 1) / video.frame_count) if video.frame_count else 0.0


def _job(store: Store, job: str) -> Job | None:
    try:
        return store.job(job)
    except MissingError:
        return None


def _shown(error: MimikError, job: Job) -> dict[str, str]:
    """An error's values, with the video's name in place of where its copy lies."""
    return {name: job.name if str(value) == job.path else str(value) for name, value in error.values.items()}


def _forget_session(store: Store, session: str) -> None:
    """Delete a half session, but not the job that began it; where that fails, the next start does it."""
    try:
        store.delete(session, keep_job=True)
    except StoreError as error:
        _log.warning("session %s of a video that was not read to its end stays: %s", session, error)


def _tidy(folder: Path, wanted: set[str]) -> None:
    """Remove copies that no job waits for, but for those that may still be arriving."""
    for path in folder.iterdir():
        if path.name not in wanted and path.name != _LOCK and path.stat().st_mtime < time.time() - _ABANDONED_S:
            _remove(path)


def _remove(path: Path | str) -> None:
    try:
        Path(path).unlink(missing_ok=True)
    except OSError as error:
        _log.warning("%s: the copy of a video cannot be deleted: %s", path, error)


_LOCK = "worker.lock"


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether no other process works on the folder, for as long as the context lasts."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("a+b") as file:
        yield _locked(file.fileno())


def _locked(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

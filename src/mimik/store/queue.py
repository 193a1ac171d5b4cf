"""The queue of videos to analyse."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from mimik.errors import MissingError
from mimik.store.base import Base
from mimik.store.rows import clean, draft_text, job_of
from mimik.store.tables import jobs
from mimik.store.values import Job, JobState

__all__ = ["LEASE_S", "Queue"]

LEASE_S = 30.0
"""How long a worker that is not heard of keeps its job, in seconds."""

_FIELDS = {"path", "state", "progress", "error", "session", "left_s", "frames", "frame_count"}
_ANEW = {"progress": 0.0, "left_s": None, "frames": 0, "frame_count": None}


class Queue(Base):
    """The part of the store that keeps jobs; it outlives the programs that work on them.

    A worker holds a job by a lease, which it renews while it works. Who does not renew it loses the job to the next
    worker that asks. Leases are judged by the database's clock, so that machines need not agree on the time.
    """

    def add_job(self, job: Job, most: int | None = None) -> bool:
        """Puts a job at the end of the queue.

        Args:
            job: the job.
            most: how many may wait.

        Returns:
            Whether there was room.
        """
        with self._write() as connection:
            if most is not None and _waiting(connection) >= most:
                return False
            connection.execute(
                insert(jobs).values(
                    id=job.id,
                    name=clean(job.name),
                    path=job.path,
                    draft=draft_text(job.draft),
                    state=job.state,
                    created_at=job.created_at,
                    touched_at=datetime.now(UTC),
                    progress=job.progress,
                    error=_error(job.error),
                    session=job.session,
                    left_s=job.left_s,
                    place=job.place,
                    frames=job.frames,
                    frame_count=job.frame_count,
                )
            )
            return True

    def jobs_waiting(self) -> int:
        """How many jobs nobody works on yet."""
        with self._read() as connection:
            return _waiting(connection)

    def jobs(self) -> tuple[Job, ...]:
        """All jobs, in the order in which they were added."""
        with self._read() as connection:
            return tuple(job_of(row) for row in connection.execute(select(jobs).order_by(jobs.c.number)))

    def job(self, id: str) -> Job:  # noqa: A002
        """One job.

        Raises:
            MissingError: there is none of this id.
        """
        with self._read() as connection:
            return _job(connection, id)

    def update_job(self, id: str, *, worker: str | None = None, **fields: Any) -> Job:  # noqa: A002
        """Changes a job's state, path, session, error or progress; returns it anew.

        Args:
            id: of the job.
            worker: who works on it; where the job is no longer that worker's, nothing is changed.
            fields: ``state``, ``progress``, ``left_s``, ``frames``, ``frame_count``, ``error``, ``session``, ``path``.

        Raises:
            MissingError: there is none of this id, or it is another worker's now.
            TypeError: another field is named.
        """
        if unknown := fields.keys() - _FIELDS:
            raise TypeError(f"update_job() changes no {', '.join(sorted(unknown))}")
        if "error" in fields:
            fields["error"] = _error(fields["error"])
        chosen = jobs.c.id == id
        if worker is not None:
            chosen &= _held(worker)
        with self._write() as connection:
            done = connection.execute(update(jobs).where(chosen).values(**fields, touched_at=datetime.now(UTC)))
            if worker is not None and not done.rowcount:
                raise _taken(id)
            return _job(connection, id)

    def claim_job(self, worker: str = "", place: str | None = None, lease_s: float = LEASE_S) -> Job | None:
        """The first job that waits, or whose worker has not been heard of; now running, and this worker's.

        The job still tells the session that an earlier worker may have begun.

        Args:
            worker: who will work on it; unique among all that use the database.
            place: only jobs whose file lies there, or of which that is not known; None: any.
            lease_s: for how long it is this worker's, unless renewed.

        Returns:
            The job; None where none waits.
        """
        lost = (jobs.c.leased_until < self._clock()) | jobs.c.leased_until.is_(None)
        waits = (jobs.c.state == JobState.QUEUED) | ((jobs.c.state == JobState.RUNNING) & lost)
        if place is not None:
            waits &= (jobs.c.place == place) | jobs.c.place.is_(None)
        with self._write() as connection:
            first = select(jobs.c.id).where(waits).order_by(jobs.c.number).limit(1)
            claimed = connection.scalar(first.with_for_update(skip_locked=True))  # SQLite's writer is alone anyway
            if claimed is None:
                return None
            connection.execute(
                update(jobs)
                .where(jobs.c.id == claimed)
                .values(
                    state=JobState.RUNNING,
                    worker=worker,
                    leased_until=self._in(lease_s),
                    touched_at=datetime.now(UTC),
                    **_ANEW,
                )
            )
            return _job(connection, claimed)

    def renew_job(self, id: str, worker: str, lease_s: float = LEASE_S) -> bool:  # noqa: A002
        """Gives a worker its job for so many seconds more; whether it still was its own."""
        with self._write() as connection:
            chosen = (jobs.c.id == id) & _held(worker)
            return bool(connection.execute(update(jobs).where(chosen).values(leased_until=self._in(lease_s))).rowcount)

    def requeue_running(self, machine: str, place: str | None = None) -> int:
        """Makes running jobs wait again whose workers are known to be gone; returns how many.

        Args:
            machine: what these workers' names begin with.
            place: only jobs whose file lies there, or of which that is not known; None: any.
        """
        chosen = (jobs.c.state == JobState.RUNNING) & (
            jobs.c.worker.startswith(machine, autoescape=True) | jobs.c.worker.is_(None)
        )
        if place is not None:
            chosen &= (jobs.c.place == place) | jobs.c.place.is_(None)
        with self._write() as connection:
            changed = connection.execute(
                update(jobs).where(chosen).values(state=JobState.QUEUED, worker=None, leased_until=None, **_ANEW)
            )
            return int(changed.rowcount)

    def delete_job(self, id: str) -> None:  # noqa: A002
        """Forgets a job; its file is the caller's to delete.

        Raises:
            MissingError: there is none of this id.
        """
        with self._write() as connection:
            _job(connection, id)
            connection.execute(delete(jobs).where(jobs.c.id == id))
            self._soil(connection)  # its name and draft are people's words


def _held(worker: str) -> ColumnElement[bool]:
    return (jobs.c.worker == worker) & (jobs.c.state == JobState.RUNNING)


def _waiting(connection: Connection) -> int:
    return int(connection.scalar(select(func.count()).where(jobs.c.state == JobState.QUEUED)) or 0)


def _taken(id: str) -> MissingError:  # noqa: A002
    return MissingError("{job}: another worker has this job now, or it was cancelled.", job=id)


def _job(connection: Connection, id: str) -> Job:  # noqa: A002
    row = connection.execute(select(jobs).where(jobs.c.id == id)).one_or_none()
    if row is None:
        raise MissingError("{job}: no such job in the queue.", job=id)
    return job_of(row)


def _error(error: tuple[str, dict[str, str]] | None) -> str | None:
    return None if error is None else json.dumps(error, ensure_ascii=False)

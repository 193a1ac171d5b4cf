"""The queue of videos to analyse."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from mimik.errors import MissingError
from mimik.store.base import Base
from mimik.store.rows import clean, draft_text, job_of
from mimik.store.tables import jobs
from mimik.store.values import Job, JobState

__all__ = ["Queue"]

_FIELDS = {"path", "state", "progress", "error", "session", "left_s"}


class Queue(Base):
    """The part of the store that keeps jobs; it outlives the programs that work on them."""

    def add_job(self, job: Job) -> None:
        """Puts a job at the end of the queue."""
        with self._write() as connection:
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
                )
            )

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

    def update_job(self, id: str, **fields: Any) -> Job:  # noqa: A002
        """Changes a job's ``state``, ``progress``, ``left_s``, ``error``, ``session`` or ``path``; returns it anew.

        Raises:
            MissingError: there is none of this id.
            TypeError: another field is named.
        """
        if unknown := fields.keys() - _FIELDS:
            raise TypeError(f"update_job() changes no {', '.join(sorted(unknown))}")
        if "error" in fields:
            fields["error"] = _error(fields["error"])
        with self._write() as connection:
            connection.execute(update(jobs).where(jobs.c.id == id).values(**fields, touched_at=datetime.now(UTC)))
            return _job(connection, id)

    def claim_job(self) -> Job | None:
        """The first job that waits, now running and nobody else's; None where none waits."""
        with self._write() as connection:
            first = select(jobs.c.id).where(jobs.c.state == JobState.QUEUED).order_by(jobs.c.number).limit(1)
            claimed = connection.scalar(first.with_for_update(skip_locked=True))  # SQLite's writer is alone anyway
            if claimed is None:
                return None
            connection.execute(
                update(jobs)
                .where(jobs.c.id == claimed)
                .values(state=JobState.RUNNING, progress=0.0, left_s=None, touched_at=datetime.now(UTC))
            )
            return _job(connection, claimed)

    def requeue_running(self, quiet_s: float = 0.0) -> int:
        """Makes running jobs wait again, for a server that starts; returns how many.

        Args:
            quiet_s: only those that were not updated for so many seconds, where other servers may be at work.
        """
        since = datetime.now(UTC) - timedelta(seconds=quiet_s)
        with self._write() as connection:
            changed = connection.execute(
                update(jobs)
                .where(jobs.c.state == JobState.RUNNING, jobs.c.touched_at <= since)
                .values(state=JobState.QUEUED, progress=0.0, left_s=None)
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


def _job(connection: Connection, id: str) -> Job:  # noqa: A002
    row = connection.execute(select(jobs).where(jobs.c.id == id)).one_or_none()
    if row is None:
        raise MissingError("{job}: no such job in the queue.", job=id)
    return job_of(row)


def _error(error: tuple[str, dict[str, str]] | None) -> str | None:
    return None if error is None else json.dumps(error, ensure_ascii=False)

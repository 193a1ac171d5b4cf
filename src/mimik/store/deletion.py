"""Deleting for good, and on time."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, select, update
from sqlalchemy.exc import SQLAlchemyError

from mimik.errors import StoreError
from mimik.store.base import Base
from mimik.store.faults import first_line
from mimik.store.finding import find_session, read_sessions
from mimik.store.rows import draft_of
from mimik.store.tables import jobs, markers, minutes, people, samples, seconds, sessions
from mimik.store.values import JobState, Session, SessionState

__all__ = ["Deletion", "Purged", "forgotten", "outlived", "stale"]


@dataclass(frozen=True, slots=True)
class Purged:
    """What `Store.purge` deleted because its time had come.

    Attributes:
        sessions: deleted whole.
        raw: those that lost their samples; their sums stay.
    """

    sessions: tuple[Session, ...]
    raw: tuple[Session, ...]


_ENDED = sessions.c.state.not_in((SessionState.RECORDING, SessionState.PAUSED))


def outlived(now: datetime) -> ColumnElement[bool]:
    """Which sessions are past their days."""
    return and_(_ENDED, sessions.c.keep_until <= now)


def stale(now: datetime) -> ColumnElement[bool]:
    """Which sessions hold samples that are past theirs."""
    return and_(_ENDED, sessions.c.raw_until <= now, exists().where(samples.c.session == sessions.c.key))


_JOB_DAYS = 30
"""How long a job that left no session is kept where its draft says nothing."""


def forgotten(connection: Connection, now: datetime) -> list[int]:
    """Jobs that ended long ago and left no session whose end would take them along."""
    over = jobs.c.state.in_((JobState.DONE, JobState.FAILED, JobState.CANCELLED)) & jobs.c.session.is_(None)
    rows = connection.execute(select(jobs.c.number, jobs.c.draft, jobs.c.touched_at).where(over))
    return [row.number for row in rows if row.touched_at + timedelta(days=_kept(row.draft)) <= now]


def _kept(draft: str) -> int:
    days = draft_of(draft).keep_days
    return _JOB_DAYS if days is None else min(days, _JOB_DAYS)


class Deletion(Base):
    """The part of the store that deletes."""

    def delete(self, session: str, *, keep_job: bool = False) -> None:
        """Deletes a session: rows, clip and the job that made it, and what is left of them between the rows of others.

        Args:
            session: its id.
            keep_job: let the job go instead, in the same transaction.

        Raises:
            StoreError: there is no such session; or its rows are gone, but other programs kept the file from being
                cleaned, which `purge` then does.
        """
        with self._write() as connection:
            row = find_session(connection, session)
            if keep_job:
                connection.execute(update(jobs).where(jobs.c.session == row.id).values(session=None))
            self._delete_rows(connection, sessions.c.key == row.key)
        try:
            self._delete_clip(row.clip)
        finally:
            self._sweep()

    def delete_everything(self) -> None:
        """Deletes every session and job, and the folder of clips and uploads."""
        with self._write() as connection:
            for table in (samples, seconds, minutes, people, markers, jobs, sessions):
                connection.execute(delete(table))
            self._soil(connection)
        try:
            shutil.rmtree(self.clips)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _cannot_delete(self.clips, error) from error
        finally:
            self._sweep()

    def purge(self, now: datetime | None = None, *, sweep: bool = True) -> Purged:
        """Deletes samples and sessions whose days are over; never of a session that is being recorded.

        It also cleans up after a deletion that other programs or a crash kept from being complete.

        Args:
            now: by which days are counted; None: the present.
            sweep: also leave nothing of it in the file; else the next purge does.
        """
        now = now or datetime.now(UTC)
        with self._write() as connection:
            gone = read_sessions(connection, outlived(now))
            if gone:
                self._delete_rows(connection, outlived(now))
            raw = read_sessions(connection, stale(now))
            if raw:
                keys = select(sessions.c.key).where(stale(now))
                connection.execute(delete(samples).where(samples.c.session.in_(keys)))
                self._soil(connection)
            if jobs_gone := forgotten(connection, now):
                connection.execute(delete(jobs).where(jobs.c.number.in_(jobs_gone)))
                self._soil(connection)
            soiled = self._is_soiled(connection)
        try:
            for session in gone:
                self._delete_clip(session.clip)
        finally:
            if soiled and sweep:
                self._sweep()
        return Purged(gone, raw)

    def _delete_rows(self, connection: Connection, chosen: ColumnElement[bool]) -> None:
        """Deletes sessions and what hangs on them, the jobs that made them too: those repeat titles."""
        connection.execute(delete(jobs).where(jobs.c.session.in_(select(sessions.c.id).where(chosen))))
        connection.execute(delete(sessions).where(chosen))
        self._soil(connection)

    def _delete_clip(self, name: str | None) -> None:
        if name is None:
            return
        clip = self.clips / name
        try:
            clip.unlink(missing_ok=True)
        except OSError as error:
            raise _cannot_delete(clip, error) from error

    def _sweep(self) -> None:
        """Leaves nothing of what was deleted between the rows of others."""
        try:
            if self._is_sqlite:
                self._sweep_sqlite()
            else:
                self._sweep_postgresql()
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise StoreError(
                "{place}: deleted, but traces are left in the database for now ({detail}). Close other programs that "
                "use it, make room on the disk, then run: mimik session purge",
                place=self._address.place,
                detail=first_line(error, self._address.secret),
            ) from error

    def _sweep_sqlite(self) -> None:
        """Writes the file anew and empties the write-ahead log, which waits for other programs to stop reading it."""
        pooled = self._engine.raw_connection()
        try:
            cursor = pooled.cursor()
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if cursor.fetchall()[0][0]:
                raise sqlite3.OperationalError("another program is reading")
            cursor.execute("PRAGMA user_version = 0")
            cursor.close()
        finally:
            pooled.close()

    def _sweep_postgresql(self) -> None:
        """Rewrites the small tables, which hold people's words; frees the rows of the large ones, of numbers."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in (sessions, markers, people, jobs):
                connection.exec_driver_sql(f"VACUUM FULL {table.name}")
            for table in (seconds, minutes, samples):
                connection.exec_driver_sql(f"VACUUM {table.name}")

    def _is_soiled(self, connection: Connection) -> bool:
        return not self._is_sqlite or connection.exec_driver_sql("PRAGMA user_version").scalar_one() == 1


def _cannot_delete(path: Path, error: OSError) -> StoreError:
    return StoreError(
        "{path}: cannot be deleted ({detail}). Delete it yourself.",
        path=path,
        detail=error.strerror or type(error).__name__,
    )

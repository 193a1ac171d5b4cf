"""What falls due by itself: sessions of programs that are gone, and what is past its days."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, select, update

from mimik.store.deletion import Deletion, Purged, forgotten, outlived, stale
from mimik.store.finding import read_sessions
from mimik.store.tables import sessions
from mimik.store.values import Session, SessionState

__all__ = ["Upkeep"]

_QUIET_S = 10.0
_ALIVE = sessions.c.state.in_((SessionState.RECORDING, SessionState.PAUSED))
_LOG = logging.getLogger(__name__)


class Upkeep(Deletion):
    """The part of the store that does what nobody should have to ask for."""

    def upkeep(self, now: datetime | None = None) -> Purged:
        """Calls sessions of dead programs interrupted and deletes what is past its days; a quick look if nothing is.

        `Store.begin` does it, `mimik session` and the server do. While something is being recorded the file is not
        written anew, which would hold the recording up: what is deleted is overwritten at once, and the next upkeep
        does the rest.

        Raises:
            StoreError: something is due and cannot be done; it stays due.
        """
        now = now or datetime.now(UTC)
        silent = self._silent()
        with self._read() as connection:
            due, recording = connection.execute(
                select(
                    exists().where(silent) | exists().where(outlived(now)) | exists().where(stale(now)),
                    exists().where(_ALIVE, ~silent),
                )
            ).one()
            due = (
                due
                or bool(forgotten(connection, now))
                or (self._is_sqlite and not recording and self._is_soiled(connection))
            )
        if not due:
            return Purged((), ())
        self.adopt()
        return self.purge(now, sweep=not recording)

    def adopt(self) -> tuple[Session, ...]:
        """Sessions whose program gave no sign of life for ten seconds become interrupted; returns them."""
        with self._write() as connection:
            ids = connection.scalars(
                update(sessions).where(self._silent()).values(state=SessionState.INTERRUPTED).returning(sessions.c.id)
            ).all()
            found = read_sessions(connection, sessions.c.id.in_(ids)) if ids else ()
        for session in found:
            _LOG.info("session %s was interrupted after %.0f s", session.id, session.duration_s)
        return found

    def _silent(self) -> ColumnElement[bool]:
        return and_(_ALIVE, sessions.c.heartbeat_at < self._clock() - timedelta(seconds=_QUIET_S))

"""The store: sessions, their markers, people and numbers."""

from __future__ import annotations

import json
import logging
import math
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from types import EllipsisType, TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Table, case, func, insert, literal, select, update

from mimik.errors import StoreError
from mimik.store.annotations import Annotations
from mimik.store.deletion import Purged
from mimik.store.engine import connect, find
from mimik.store.faults import explained
from mimik.store.finding import find_session, matches, people_of, read_sessions
from mimik.store.migrate import migrate
from mimik.store.queue import Queue
from mimik.store.rows import (
    SAMPLE_COLUMNS,
    aggregates_of,
    clean,
    merge,
    samples_of,
    samples_rows,
    session_of,
    sums_rows,
)
from mimik.store.tables import METADATA, SUMS, minutes, people, samples, seconds, sessions
from mimik.store.upkeep import Upkeep
from mimik.store.values import (
    COARSE_S,
    FINE_S,
    ROOM,
    Aggregates,
    Draft,
    Purpose,
    Samples,
    Session,
    SessionState,
)

__all__ = ["Purged", "Store"]

_BATCH = 20_000
_FINE_UP_TO_S = 4 * 3600
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # nothing to mistake when read aloud
_LOG = logging.getLogger(__name__)


class Store(Annotations, Queue, Upkeep):
    """Sessions in SQLite or PostgreSQL. Open it with `Store.open`; safe to use from several threads and processes.

    Every method may raise `StoreError` where the database fails: locked, full, damaged, unreachable.
    """

    @classmethod
    def open(cls, url: str | Path | None = None) -> Self:
        """Opens a database; creates it where there is none and brings its schema up to date.

        Args:
            url: a file's path, ``sqlite:///PATH`` or ``postgresql://USER:PASSWORD@HOST/DATABASE``; None:
                ``MIMIK_DATABASE_URL``, or else ``sessions.db`` in the user's data folder.

        Raises:
            StoreError: it cannot be reached, read or written, or was made by a newer Mimik or another program.
        """
        address = find(url)
        engine = connect(address)
        try:
            with explained(address.place, address.secret):
                migrate(engine, address.place)
        except StoreError:
            engine.dispose()
            raise
        return cls(engine, address)

    def close(self) -> None:
        """Closes every connection."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def begin(self, draft: Draft) -> Session:
        """Begins a session: its state is `SessionState.RECORDING` until `set_state`.

        First what is past its days is deleted: whoever records keeps what was agreed without thinking of it.

        Raises:
            StoreError: the title is empty or too long, or consent and ground are missing where the law asks.
        """
        try:
            self.upkeep()
        except StoreError as error:
            _LOG.warning("What is past its days could not be deleted: %s", error)
        started = draft.started_at or datetime.now(UTC).astimezone()
        offset = started.utcoffset()
        if offset is None:
            started = started.astimezone()  # without a zone it is meant here
            offset = started.utcoffset() or timedelta()
        saved = datetime.now(UTC)
        with self._write() as connection:
            key = connection.execute(
                insert(sessions).values(
                    id="".join(secrets.choice(_LETTERS) for _ in range(8)),
                    title=_title(draft.title),
                    purpose=draft.purpose,
                    tags=_tags(draft.tags),
                    **_grounds(draft.purpose, draft.consent, draft.ground),
                    aggregate_only=draft.aggregate_only,
                    source=clean(draft.source),
                    live=draft.live,
                    model=clean(draft.model),
                    version=version("mimik"),
                    state=SessionState.RECORDING,
                    started_at=started,
                    utc_offset_s=round(offset.total_seconds()),
                    duration_s=0.0,
                    created_at=saved,
                    heartbeat_at=self._clock(),
                    raw_until=_after(saved, draft.raw_days),
                    keep_until=_after(saved, draft.keep_days),
                )
            ).inserted_primary_key
            assert key is not None
            return session_of(connection.execute(select(sessions).where(sessions.c.key == key[0])).one(), 0)

    def append(self, session: str, samples: Samples | None, aggregates: Aggregates, duration_s: float) -> None:
        """Adds to a session, all of it or nothing; also the sign of life of who records.

        Args:
            session: its id.
            samples: readings at capture rate; not kept where the session is `Session.aggregate_only`.
            aggregates: sums by `FINE_S`, added to what is there for the same person and second.
            duration_s: how long the session is by now.

        Raises:
            StoreError: there is no such session.
            ValueError: the aggregates are of another step.
        """
        if aggregates.step_s != FINE_S:
            raise ValueError(f"aggregates by {FINE_S} s are wanted, not by {aggregates.step_s}")
        with self._write() as connection:
            row = find_session(connection, session)
            if row.aggregate_only:
                samples, aggregates = None, aggregates.of(ROOM)
            self._add(connection, seconds, row.key, merge(aggregates, FINE_S))
            self._add(connection, minutes, row.key, merge(aggregates, COARSE_S))
            self._remember_people(connection, row.key, aggregates, samples)
            if samples is not None and len(samples):
                connection.execute(
                    self._insert(_samples).on_conflict_do_nothing(), samples_rows(row.key, samples)
                )  # a video whose time stamps repeat gives one row
            state = SessionState.RECORDING if row.state == SessionState.INTERRUPTED else row.state  # it lives after all
            connection.execute(
                update(sessions)
                .where(sessions.c.key == row.key)
                .values(
                    duration_s=case((sessions.c.duration_s < duration_s, duration_s), else_=sessions.c.duration_s),
                    heartbeat_at=self._clock(),
                    state=state,
                )
            )

    def set_state(self, session: str, state: SessionState) -> None:
        """Says where the session stands; also a sign of life.

        Raises:
            StoreError: there is no such session.
        """
        with self._write() as connection:
            row = find_session(connection, session)
            connection.execute(
                update(sessions).where(sessions.c.key == row.key).values(state=state, heartbeat_at=self._clock())
            )

    def edit(
        self,
        session: str,
        *,
        title: str | None = None,
        tags: Sequence[str] | None = None,
        purpose: Purpose | None = None,
        consent: str | None = None,
        ground: str | None = None,
        keep_days: int | EllipsisType | None = ...,
        raw_days: int | EllipsisType | None = ...,
    ) -> Session:
        """Changes what people wrote about a session and how long it is kept, counted from when it was saved.

        Raises:
            StoreError: there is no such session, or a value cannot be.
        """
        with self._write() as connection:
            row = find_session(connection, session)
            values: dict[str, Any] = _grounds(
                row.purpose if purpose is None else purpose,
                row.consent if consent is None else consent,
                row.ground if ground is None else ground,
            )
            values["purpose"] = row.purpose if purpose is None else purpose
            if title is not None:
                values["title"] = _title(title)
            if tags is not None:
                values["tags"] = _tags(tags)
            if not isinstance(keep_days, EllipsisType):
                values["keep_until"] = _after(row.created_at, keep_days)
            if not isinstance(raw_days, EllipsisType):
                values["raw_until"] = _after(row.created_at, raw_days)
            connection.execute(update(sessions).where(sessions.c.key == row.key).values(values))
            if not Purpose(values["purpose"]).allows_ages:
                ages = {"age_low": None, "age_high": None}
                known = people.c.age_low.is_not(None)
                if connection.execute(update(people).where(people.c.session == row.key, known).values(ages)).rowcount:
                    self._soil(connection)
            return self._session(connection, row.id)

    def sessions(self, search: str = "", purpose: Purpose | None = None, tag: str = "") -> tuple[Session, ...]:
        """Sessions, newest first.

        Args:
            search: words that title, tags or source must hold, in capitals or not, with accents or not; or the
                beginning of an id.
            purpose: only of this purpose.
            tag: only with this tag.
        """
        with self._read() as connection:
            found = read_sessions(connection, None if purpose is None else sessions.c.purpose == purpose)
        return tuple(session for session in found if matches(session, search, tag))

    def session(self, id: str) -> Session:  # noqa: A002
        """The session of an id, or of an id's unique beginning.

        Raises:
            StoreError: there is none, or several.
        """
        with self._read() as connection:
            return self._session(connection, id)

    def aggregates(
        self, session: str, step_s: int | None = None, start_s: float = 0.0, end_s: float = math.inf
    ) -> Aggregates:
        """A session's sums.

        Args:
            session: its id.
            step_s: seconds a row, any multiple of `FINE_S`; None: `FINE_S` up to four hours of session, else
                `COARSE_S`, so that reading stays quick.
            start_s: only steps that begin from here on.
            end_s: only steps that begin before.
        """
        with self._read() as connection:
            row = find_session(connection, session)
            if step_s is None:
                step_s = FINE_S if row.duration_s <= _FINE_UP_TO_S else COARSE_S
            kept, table = (COARSE_S, minutes) if step_s % COARSE_S == 0 else (FINE_S, seconds)
            columns = [table.c[name] for name in ("start_s", "person", *SUMS)]
            query = select(*columns).where(table.c.session == row.key, table.c.start_s >= start_s)
            if end_s < math.inf:
                query = query.where(table.c.start_s < end_s)
            query = query.order_by(table.c.start_s, table.c.person)
            found = aggregates_of(kept, self._batches(connection, query, _BATCH))
        return found if step_s == kept else merge(found, step_s)

    def samples(self, session: str, start_s: float = 0.0, end_s: float = math.inf) -> Iterator[Samples]:
        """A session's readings from one time up to another, in batches that fit in memory.

        No transaction stays open between batches, so that reading a long session holds nobody up.

        Raises:
            StoreError: there is no such session, or it was deleted while it was read.
        """
        columns = [_samples.c[name] for name in SAMPLE_COLUMNS]
        last: tuple[float, int] | None = None
        while True:
            after, number = last or (start_s, -1)
            later = (_samples.c.time_s > after) | ((_samples.c.time_s == after) & (_samples.c.person >= number))
            with self._read() as connection:
                key = find_session(connection, session).key  # each time: it may be deleted between batches
                query = select(*columns).where(_samples.c.session == key, _samples.c.time_s >= after, later)
                if end_s < math.inf:
                    query = query.where(_samples.c.time_s < end_s)
                query = query.order_by(_samples.c.time_s, _samples.c.person).limit(_BATCH + (last is not None))
                rows = [row for batch in self._batches(connection, query, _BATCH) for row in batch]
            if last is not None:  # what comes next is known to be next where the last row is still there
                if not rows or rows[0][:2] != last:
                    raise StoreError("The rows of single faces were deleted while they were read. Ask for the sums.")
                rows = rows[1:]
            if rows:
                yield samples_of(rows)
            if len(rows) < _BATCH:
                return
            last = rows[-1][0], rows[-1][1]

    def set_clip(self, session: str, name: str | None) -> None:
        """Says which file of the clip folder belongs to a session.

        Raises:
            ValueError: the name leads out of the folder.
        """
        if name is not None and not (self.clips / name).resolve().is_relative_to(self.clips.resolve()):
            raise ValueError(f"{name} is not in the clip folder")
        with self._write() as connection:
            key = find_session(connection, session).key
            connection.execute(update(sessions).where(sessions.c.key == key).values(clip=name))

    def size_bytes(self) -> int | None:
        """What the sessions take on the disk of the database."""
        with self._read() as connection:
            if self._is_sqlite:
                pages, size = (
                    connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_count", "page_size")
                )
                return int(pages * size)
            sizes = [func.pg_total_relation_size(func.to_regclass(literal(name))) for name in METADATA.tables]
            return sum(connection.execute(select(*sizes)).one())

    def _session(self, connection: Connection, id: str) -> Session:  # noqa: A002
        row = find_session(connection, id)
        return session_of(row, people_of(connection, row.key))

    def _add(self, connection: Connection, table: Table, session: int, aggregates: Aggregates) -> None:
        if not len(aggregates):
            return
        query = self._insert(table)
        added = {name: table.c[name] + query.excluded[name] for name in SUMS}
        connection.execute(
            query.on_conflict_do_update(index_elements=["session", "start_s", "person"], set_=added),
            sums_rows(session, aggregates),
        )

    def _remember_people(
        self, connection: Connection, session: int, aggregates: Aggregates, samples: Samples | None
    ) -> None:
        numbers = set(aggregates.person.tolist()) | set([] if samples is None else samples.person.tolist())
        if rows := [{"session": session, "number": number} for number in sorted(numbers - {ROOM})]:
            connection.execute(self._insert(people).on_conflict_do_nothing(), rows)


_samples = samples  # methods' own arguments hide the name


def _title(title: str) -> str:
    title = clean(title)
    if not title:
        raise StoreError("A session needs a title.")
    if len(title) > 200:
        raise StoreError("A session's title may have 200 letters; this one has {count}.", count=len(title))
    return title


def _tags(tags: Sequence[str]) -> str:
    return json.dumps(list(dict.fromkeys(tag for tag in map(clean, tags) if tag)), ensure_ascii=False)


def _grounds(purpose: str, consent: str, ground: str) -> dict[str, str]:
    consent, ground = clean(consent), clean(ground)
    if Purpose(purpose).needs_ground and not (consent or ground):
        raise StoreError(
            "A session of purpose {purpose} needs people's consent or a legal ground, in your own words.",
            purpose=Purpose(purpose).value,
        )
    return {"consent": consent, "ground": ground}


def _after(moment: datetime, days: int | None) -> datetime | None:
    if days is not None and not 0 <= days <= 36500:
        raise StoreError("{days} days cannot be kept. Give 0 to 36500, or none.", days=days)
    return None if days is None else moment + timedelta(days=days)

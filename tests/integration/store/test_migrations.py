"""Databases of every earlier Mimik, of later ones and of other programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from multiprocessing import get_context
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from mimik.errors import StoreError
from mimik.store import (
    EMOTIONS,
    REASONS,
    Draft,
    Marker,
    MarkerKind,
    Person,
    Purpose,
    SessionState,
    Store,
)
from mimik.store.engine import connect, find
from mimik.store.migrate import FOLDER, migrate, upgrade
from mimik.store.tables import METADATA, REVISIONS, VERSION_TABLE

pytestmark = pytest.mark.integration


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect(find(database_url))
    yield engine
    engine.dispose()


def insert_by_hand(engine: Engine, revision: str) -> None:
    """A session of two seconds and two people, as a Mimik of that revision would have saved it."""
    with engine.begin() as connection:

        def save(table: str, **values: object) -> None:
            names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)

        save(
            "sessions",
            id="abcd2345",
            title="Eski oturum",
            purpose="lesson",
            tags=json.dumps(["7b"]),
            consent="told",
            ground="",
            aggregate_only=False,
            source="camera 0",
            live=True,
            model="m",
            version="0.1.0",
            state="done",
            started_at="2026-01-05 06:30:00",
            utc_offset_s=10800,
            duration_s=2.0,
            created_at="2026-01-05 06:30:00",
            heartbeat_at="2026-01-05 06:30:02",
            raw_until="2026-02-04 06:30:00",
        )
        save("markers", session=1, time_s=0.5, label="topic 2", kind="point")
        for table, starts in (("seconds", (0, 1)), ("minutes", (0,))):
            for start in starts:
                for person in (0, 1, 2):
                    save(
                        table,
                        session=1,
                        start_s=start,
                        person=person,
                        **{name: 20 // len(starts) for name in ("frames", "faces", "sure")},
                        uncertain=0,
                        **{f"withheld_{reason}": 0 for reason in REASONS},
                        **{f"label_{emotion}": 0 for emotion in EMOTIONS},
                        **{f"p_{emotion}": 2.0 / len(starts) for emotion in EMOTIONS},
                        **dict.fromkeys(("quality", "valence", "arousal"), 1.5),
                    )
        save(
            "samples",
            session=1,
            time_s=0.1,
            person=1,
            x1=10,
            y1=20,
            x2=110,
            y2=220,
            state=0,
            **{str(emotion): 1429 for emotion in EMOTIONS},
            label=3,
            quality=9000,
            valence=-5000,
            arousal=0,
        )
        if revision >= "0002":
            save("people", session=1, number=1)
            save("people", session=1, number=2, age_low=20, age_high=30)
        if revision >= "0003":
            save(
                "jobs",
                id="job1",
                name="a.mp4",
                path="/tmp/a.mp4",
                draft=json.dumps({"title": "Later", "purpose": "other", "tags": [], "started_at": None}),
                state="queued",
                created_at="2026-01-05 06:30:00",
                touched_at="2026-01-05 06:30:00",
                progress=0.0,
            )


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_session_of_every_earlier_schema_is_read_back(engine: Engine, database_url: str, revision: str) -> None:
    with engine.execution_options(writes=True).begin() as connection:
        upgrade(connection, revision)
    assert ("people" in inspect(engine).get_table_names()) == (revision >= "0002")
    insert_by_hand(engine, revision)
    with Store.open(database_url) as store:
        (session,) = store.sessions()
        assert (session.id, session.title, session.tags) == ("abcd2345", "Eski oturum", ("7b",))
        assert (session.purpose, session.state, session.people) == (Purpose.LESSON, SessionState.DONE, 2)
        assert session.started_at.isoformat() == "2026-01-05T09:30:00+03:00"
        assert session.keep_until is None
        assert store.markers(session.id) == (Marker(0.5, "topic 2", MarkerKind.POINT, None, 1),)
        assert store.people(session.id) == (Person(1), Person(2, (20, 30) if revision >= "0002" else None))
        fine, coarse = store.aggregates(session.id, 1), store.aggregates(session.id, 60)
        assert fine.of(2).frames.tolist() == [10, 10]
        assert coarse.of(2).frames.tolist() == [20]
        assert coarse.of(0).probabilities.tolist() == [[2.0] * 7]
        (samples,) = store.samples(session.id)
        assert samples.box.tolist() == [[1, 2, 11, 22]]
        assert samples.probabilities[0, 0] == pytest.approx(0.1429)
        assert [job.draft.title for job in store.jobs()] == (["Later"] if revision >= "0003" else [])
        store.add_markers(session.id, [Marker(1, "later")])
        assert store.begin(Draft("New")).id != session.id


def test_the_tables_are_those_that_the_migrations_make(engine: Engine, database_url: str) -> None:
    Store.open(database_url).close()
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, METADATA) == []


def test_every_revision_is_known_to_the_program() -> None:
    scripts = ScriptDirectory(str(FOLDER), version_locations=[str(FOLDER)])
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == REVISIONS
    assert Path(str(files("mimik.store"))) / "migrations" == FOLDER


def test_a_newer_schema_is_left_as_it_is(database_url: str, engine: Engine) -> None:
    Store.open(database_url).close()
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '0099'"))
        connection.execute(text("ALTER TABLE sessions ADD COLUMN novelty TEXT"))
    with pytest.raises(StoreError, match=r"newer Mimik \(schema 0099; this one knows up to 0004\).*update Mimik"):
        Store.open(database_url)
    with engine.connect() as connection:
        assert connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}")) == "0099"


def test_another_programs_tables_are_left_alone(database_url: str, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE sessions (cookie TEXT)"))
    with pytest.raises(StoreError, match=r"another program \(sessions\)"):
        Store.open(database_url)
    assert inspect(engine).get_table_names() == ["sessions"]


def test_a_migration_that_fails_changes_nothing(database_url: str, engine: Engine) -> None:
    with engine.execution_options(writes=True).begin() as connection:
        upgrade(connection, "0001")
        connection.execute(text("CREATE TABLE jobs (cookie TEXT)"))  # 0002 succeeds, 0003 cannot
    with pytest.raises(StoreError, match="jobs"):
        Store.open(database_url)
    assert "people" not in inspect(engine).get_table_names()
    with engine.connect() as connection:
        assert connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}")) == "0001"


def test_a_database_that_is_up_to_date_is_only_looked_at(
    database_url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store.open(database_url).close()

    def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("mimik.store.migrate.upgrade", fail)
    migrate(engine, "here")


def _open(url: str, title: str) -> str:
    with Store.open(url) as store:
        return store.begin(Draft(title)).id


def test_processes_that_open_a_new_database_at_once_all_find_it_made(database_url: str) -> None:
    with get_context("spawn").Pool(3) as pool:
        ids = pool.starmap(_open, [(database_url, f"session {number}") for number in range(6)], chunksize=1)
    with Store.open(database_url) as store:
        assert sorted(session.id for session in store.sessions()) == sorted(ids)

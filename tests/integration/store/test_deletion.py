"""What is deleted is gone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from sqlalchemy import text

from mimik.errors import MissingError, StoreError
from mimik.store import Draft, Job, JobState, Marker, Person, Purged, Purpose, Session, SessionState, Store
from tests.databases import Cluster
from tests.sessions import aggregates, assert_same, samples

pytestmark = pytest.mark.integration

WORDS = ("Gizli-Baslik", "gizli-etiket", "gizli-onay", "gizli-isaret", "gizli-dosya", "gizli-is")
"""What must not be found anywhere afterwards; nothing else says these."""


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with Store.open(database_url) as store:
        yield store


def record(store: Store, seconds: int = 200, **fields: Any) -> Session:
    session = store.begin(
        Draft(WORDS[0], tags=(WORDS[1],), consent=WORDS[2], source=WORDS[4], **fields),
    )
    store.add_markers(session.id, [Marker(float(second), f"{WORDS[3]} {second}") for second in range(0, seconds, 5)])
    times = [float(second) for second in range(seconds)]
    store.append(session.id, samples(times, [1] * seconds), aggregates(times, [0] * seconds), float(seconds))
    store.set_person(session.id, Person(1, (20, 30)))
    store.set_state(session.id, SessionState.DONE)
    store.add_job(
        Job(f"j{session.id}", WORDS[5], "/x", Draft(WORDS[0]), JobState.DONE, datetime.now(UTC), session=session.id)
    )
    return session


def words_left(folder: Path) -> set[str]:
    """Which of the words stand in the bytes of the files of a folder."""
    found: set[str] = set()
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            found |= {word for word in WORDS if word.encode() in data}
    return found


def test_nothing_of_a_deleted_session_is_left_in_the_file_or_its_log(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s.db") as store:
        kept = store.begin(Draft("Kept"))
        store.append(kept.id, samples([0.0], [1]), aggregates([0.0], [0]), 1.0)
        before = store.aggregates(kept.id)
        session = record(store)
        store.clips.mkdir()
        clip = store.clips / "a.mp4"
        clip.write_text(WORDS[0], encoding="utf-8")
        store.set_clip(session.id, "a.mp4")
        assert words_left(tmp_path) == set(WORDS)  # the test would see them
        store.delete(session.id)
        assert words_left(tmp_path) == set()  # while the store is open, its write-ahead log included
        assert not clip.exists()
        assert [each.id for each in store.sessions()] == [kept.id]
        assert_same(store.aggregates(kept.id), before)
        assert store.jobs() == ()
    assert words_left(tmp_path) == set()
    with sqlite3.connect(tmp_path / "s.db") as connection:
        for table in ("markers", "people"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (int(table == "people"),)
    connection.close()


def test_the_file_shrinks(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s.db") as store:
        empty = (tmp_path / "s.db").stat().st_size
        session = record(store, 2000)
        grown = store.size_bytes()
        store.delete(session.id)
        assert grown is not None
        assert (tmp_path / "s.db").stat().st_size <= max(empty, store.size_bytes() or 0) < grown


def test_nothing_of_a_deleted_session_is_left_in_postgresqls_tables(
    postgresql: Cluster, postgresql_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    tables = postgresql.folder / "data" / "base"
    with Store.open(postgresql_url) as store:
        session = record(store)
        postgresql.execute("CHECKPOINT")
        assert words_left(tables) == set(WORDS)
        store.delete(session.id)
        postgresql.execute("CHECKPOINT")
        assert words_left(tables) == set()


def test_deleting_everything_leaves_an_empty_store(store: Store, tmp_path: Path) -> None:
    record(store)
    record(store)
    store.add_job(Job("q", WORDS[5], "/x", Draft(WORDS[0]), JobState.QUEUED, datetime.now(UTC)))
    (store.clips / "uploads").mkdir(parents=True)
    (store.clips / "uploads" / "film.mp4").write_bytes(b"film")
    store.delete_everything()
    assert store.sessions() == ()
    assert store.jobs() == ()
    assert not store.clips.exists()
    assert words_left(tmp_path) == set()
    with store._read() as connection:
        for table in ("sessions", "markers", "people", "seconds", "minutes", "samples", "jobs"):
            assert connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0, table
    store.delete_everything()  # nothing to delete is no trouble
    assert store.begin(Draft("New")).title == "New"


def test_purging_keeps_to_the_days(store: Store, tmp_path: Path) -> None:
    forever = record(store, raw_days=None)
    month = record(store, raw_days=30)
    gone = record(store, raw_days=30, keep_days=60)
    live = store.begin(Draft("Live", raw_days=0, keep_days=0))
    store.append(live.id, samples([0.0], [1]), aggregates([0.0], [0]), 1.0)
    kept = store.aggregates(month.id)

    def purge(days: float) -> tuple[set[str], set[str]]:
        purged = store.purge(datetime.now(UTC) + timedelta(days=days))
        return {session.id for session in purged.sessions}, {session.id for session in purged.raw}

    assert purge(29) == (set(), set())
    assert purge(31) == (set(), {month.id, gone.id})
    assert purge(31) == (set(), set())
    assert purge(61) == ({gone.id}, set())
    assert list(store.samples(month.id)) == []
    assert_same(store.aggregates(month.id), kept)
    assert sum(map(len, store.samples(forever.id))) == 200
    assert sum(map(len, store.samples(live.id))) == 1  # not while it is recorded
    store.set_state(live.id, SessionState.DONE)
    assert purge(0) == ({live.id}, set())
    assert {session.id for session in store.sessions()} == {forever.id, month.id}


def test_jobs_that_left_no_session_go_on_their_day(store: Store) -> None:
    """Their file's name, title and consent are people's words, and no session's end takes them along."""
    for number, (state, keep_days) in enumerate(
        [(JobState.FAILED, 5), (JobState.CANCELLED, None), (JobState.FAILED, 400), (JobState.QUEUED, 5)]
    ):
        draft = Draft("Ayşe", consent="asked", keep_days=keep_days)
        store.add_job(Job(f"job{number}", "Ayşe.mp4", "x", draft, state, datetime.now(UTC)))

    def left(days: float) -> list[str]:
        store.upkeep(datetime.now(UTC) + timedelta(days=days))
        return [job.id for job in store.jobs()]

    assert left(4) == ["job0", "job1", "job2", "job3"]
    assert left(6) == ["job1", "job2", "job3"]
    assert left(31) == ["job3"]
    store.delete_job("job3")
    assert store.jobs() == ()


def test_ages_go_where_a_session_turns_out_to_be_a_lesson(store: Store) -> None:
    session = record(store)
    assert [person.age for person in store.people(session.id)] == [(20, 30)]
    store.edit(session.id, title="Still other")
    assert [person.age for person in store.people(session.id)] == [(20, 30)]
    store.edit(session.id, purpose=Purpose.LESSON, ground="asked")
    assert [person.age for person in store.people(session.id)] == [None]


def test_upkeep_deletes_what_is_past_its_days_without_being_asked(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gone = record(store, keep_days=30)
    kept = record(store, raw_days=30)
    silent = store.begin(Draft("Its program died"))
    write = Mock(wraps=store._write)
    monkeypatch.setattr(store, "_write", write)
    later = datetime.now(UTC) + timedelta(days=31)
    assert store.upkeep() == Purged((), ())
    write.assert_not_called()  # where nothing is due it only looks
    monkeypatch.setattr("mimik.store.upkeep._QUIET_S", -60.0)
    purged = store.upkeep(later)
    assert [session.id for session in purged.sessions] == [gone.id]
    assert [session.id for session in purged.raw] == [kept.id]
    assert store.session(silent.id).state is SessionState.INTERRUPTED
    assert list(store.samples(kept.id)) == []


def test_whoever_begins_a_session_deletes_what_is_past_its_days(store: Store) -> None:
    gone = record(store, keep_days=0)
    begun = store.begin(Draft("Next"))
    assert [session.id for session in store.sessions()] == [begun.id]
    with pytest.raises(MissingError):
        store.session(gone.id)


def test_upkeep_holds_no_recording_up_and_cleans_the_file_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(tmp_path / "s.db") as store:
        live = store.begin(Draft("Live"))
        gone = record(store, keep_days=0)
        sweep = Mock(wraps=store._sweep)
        monkeypatch.setattr(store, "_sweep", sweep)
        assert [session.id for session in store.upkeep().sessions] == [gone.id]
        assert store.upkeep() == Purged((), ())
        sweep.assert_not_called()
        store.set_state(live.id, SessionState.DONE)
        store.upkeep()
        assert words_left(tmp_path) == set()
        store.upkeep()
        sweep.assert_called_once()


def test_upkeep_that_cannot_be_does_not_keep_a_session_from_beginning(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    session = record(store, keep_days=0)
    (store.clips / "a.mp4").mkdir(parents=True)  # not a file
    store.set_clip(session.id, "a.mp4")
    assert store.begin(Draft("Next")).title == "Next"
    assert "a.mp4: cannot be deleted" in caplog.text


def test_a_reader_in_the_way_is_named_and_purge_completes_the_deletion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mimik.store.engine.BUSY_S", 0.1)
    with Store.open(tmp_path / "s.db") as store:
        session = record(store)
        reader = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM sessions").fetchone() == (1,)
        with pytest.raises(StoreError, match=r"deleted, but traces are left.*mimik session purge"):
            store.delete(session.id)
        assert store.sessions() == ()
        assert words_left(tmp_path)  # as the message says
        reader.close()
        store.purge()
        assert words_left(tmp_path) == set()


def test_a_clip_that_cannot_be_deleted_is_named(store: Store) -> None:
    session = record(store)
    (store.clips / "a.mp4").mkdir(parents=True)  # not a file
    store.set_clip(session.id, "a.mp4")
    with pytest.raises(StoreError, match=r"a\.mp4: cannot be deleted"):
        store.delete(session.id)
    assert store.sessions() == ()


@pytest.mark.parametrize("whole", [True, False], ids=["the session", "its rows of faces"])
def test_who_reads_what_is_being_deleted_takes_no_part_for_the_whole(
    store: Store, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    monkeypatch.setattr("mimik.store.store._BATCH", 50)
    session = record(store, raw_days=1)
    reading = store.samples(session.id)
    assert len(next(reading)) == 50
    if whole:
        store.delete(session.id)
    else:
        store.purge(datetime.now(UTC) + timedelta(days=2))
    with pytest.raises(MissingError if whole else StoreError):
        next(reading)

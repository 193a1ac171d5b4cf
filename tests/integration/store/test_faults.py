"""Databases in trouble: what happened is said, with a way out, and what was saved stays whole."""

from __future__ import annotations

import builtins
import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sqlalchemy import event

from mimik.errors import StoreError
from mimik.store import Draft, Session, Store
from tests.databases import PASSWORD, Cluster
from tests.sessions import aggregates, assert_same, samples

pytestmark = pytest.mark.integration


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


def record(store: Store, seconds: int = 500) -> Session:
    session = store.begin(Draft("A"))
    times = [float(second) for second in range(seconds)]
    store.append(session.id, samples(times, [1] * seconds), aggregates(times, [0] * seconds), float(seconds))
    return session


@contextmanager
def nobody() -> Iterator[None]:
    """As a user without rights, where the tests run as root, whom no permission stops."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach; pytest's own are the tester's alone."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("content", [b"holiday pictures", b"SQLite format 3\0" + b"\xff" * 4000, os.urandom(5000)])
def test_a_file_that_is_no_database_is_left_as_it_is(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(StoreError, match=r"sessions\.db: damaged, or not a session database \(.+\).*backup"):
        Store.open(file)
    assert file.read_bytes() == content


def test_a_damaged_page_is_told_and_other_sessions_are_read(file: Path) -> None:
    with Store.open(file) as store:
        session = record(store, 3000)
    pages = file.stat().st_size // 4096
    with file.open("r+b") as opened:  # the tables come first, then rows
        opened.seek(pages // 4 * 4096)
        opened.write(b"\xa5" * 4096 * (pages // 4))
    with Store.open(file) as store:
        assert store.session(session.id) == store.sessions()[0]
        with pytest.raises(StoreError, match="damaged, or not a session database"):
            store.aggregates(session.id, 1)


def test_a_file_cut_short_is_told(file: Path) -> None:
    with Store.open(file) as store:
        record(store)
    with file.open("r+b") as opened:
        opened.truncate(8192)
    with pytest.raises(StoreError, match="damaged"), Store.open(file) as store:
        store.aggregates(store.sessions()[0].id)


def test_a_locked_database_is_waited_for_then_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimik.store.engine.BUSY_S", 0.2)
    with Store.open(file) as store:
        session = record(store)
        before = store.aggregates(session.id)
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"another program holds it locked\. Wait"):
            store.append(session.id, None, aggregates([0.0], [0]), 999.0)
        assert_same(store.aggregates(session.id), before)  # reading goes on
        other.execute("ROLLBACK")
        other.close()
        store.append(session.id, None, aggregates([600.0], [0]), 999.0)
        assert store.session(session.id).duration_s == 999.0


def test_a_full_disk_is_told_and_what_was_saved_stays_whole(file: Path) -> None:
    with Store.open(file) as store:
        session = record(store)
        before = store.aggregates(session.id)

        @event.listens_for(store._engine, "begin")
        def no_more_pages(connection: Any) -> None:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")  # SQLite takes what it has as the least

        with pytest.raises(StoreError, match=r"there is no room left.*make room"):
            record(store, 5000)
        assert_same(store.aggregates(session.id), before)
        event.remove(store._engine, "begin", no_more_pages)

        @event.listens_for(store._engine, "begin")
        def room_again(connection: Any) -> None:
            connection.exec_driver_sql("PRAGMA max_page_count = 1000000")

        assert record(store, 5000).id != session.id


def test_a_folder_that_cannot_be_written_is_told(open_folder: Path) -> None:
    folder = open_folder / "locked"
    folder.mkdir(mode=0o555)
    for path in (folder / "sessions.db", folder / "new" / "sessions.db"):
        with nobody(), pytest.raises(StoreError, match=r"cannot be opened for writing \(.+\).*permissions"):
            Store.open(path)
    assert list(folder.iterdir()) == []


def test_a_file_that_cannot_be_written_is_told(open_folder: Path) -> None:
    folder = open_folder / "shared"
    folder.mkdir()
    file = folder / "sessions.db"
    with Store.open(file) as store:
        session = record(store)
    file.chmod(0o444)
    folder.chmod(0o555)
    with nobody(), pytest.raises(StoreError, match="cannot be opened for writing"), Store.open(file) as store:
        store.append(session.id, None, aggregates([0.0], [0]), 999.0)
    folder.chmod(0o755)
    with Store.open(file) as store:
        assert store.session(session.id).duration_s == 500.0


def test_a_folder_in_the_files_place_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened for writing"):
        Store.open(tmp_path)


def test_psycopg_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = builtins.__import__

    def without_psycopg(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "psycopg":
            raise ModuleNotFoundError(name)
        return genuine(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_psycopg)
    with pytest.raises(StoreError, match=r"pip install 'mimik\[postgres\]'"):
        Store.open("postgresql://localhost/none")


def test_an_unreachable_postgresql_is_told_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"postgresql://me@/db\?host=.*cannot be reached.*See that it runs") as caught:
        Store.open(f"postgresql://me:{PASSWORD}@/db?host={tmp_path}")
    assert_silent(caught.value)
    with pytest.raises(StoreError, match=r"postgresql://me@127\.0\.0\.1:1/db: PostgreSQL cannot be reached") as caught:
        Store.open(f"postgresql://me:{PASSWORD}@127.0.0.1:1/db")
    assert_silent(caught.value)


def assert_silent(error: BaseException | None) -> None:
    """The password is in no message of the chain."""
    while error is not None:
        assert PASSWORD not in f"{error} {error!r} {getattr(error, 'values', '')}"
        error = error.__cause__


def test_a_postgresql_that_refuses_is_told_without_the_password(
    postgresql: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for url in (
        postgresql.url(password=PASSWORD + "-wrong"),
        postgresql.url("nowhere"),
        postgresql.url().replace("mimik:", "stranger:"),
        postgresql.url().replace(f":{PASSWORD}", ""),
    ):
        with pytest.raises(StoreError, match=r"PostgreSQL refuses \(.+\)\. Check user, password, database") as caught:
            Store.open(url)
        assert_silent(caught.value)
    with pytest.raises(StoreError) as caught:
        Store.open(postgresql.url() + "&nonsense=1")
    assert_silent(caught.value)
    assert PASSWORD not in caplog.text


def test_a_database_in_which_nothing_may_be_made_is_told(postgresql: Cluster, postgresql_url: str) -> None:
    postgresql.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    url = postgresql_url.replace(f"mimik:{PASSWORD}", "guest:guest")
    with pytest.raises(StoreError, match=r"PostgreSQL refuses \(permission denied"):
        Store.open(url)
    postgresql.execute("DROP ROLE guest")


def test_postgresql_may_go_away_and_come_back(postgresql: Cluster, postgresql_url: str) -> None:
    with Store.open(postgresql_url) as store:
        session = record(store)
        postgresql.stop()
        try:
            for _ in range(2):
                with pytest.raises(StoreError, match="cannot be reached"):
                    store.append(session.id, None, aggregates([600.0], [0]), 601.0)
        finally:
            postgresql.start()
        store.append(session.id, None, aggregates([600.0], [0]), 601.0)
        assert store.aggregates(session.id, 1).start_s.tolist() == [*range(500), 600]


def test_connections_that_the_server_cuts_are_made_again(postgresql: Cluster, postgresql_url: str) -> None:
    with Store.open(postgresql_url) as store:
        session = record(store)
        postgresql.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mimik'")
        store.append(session.id, None, aggregates([600.0], [0]), 601.0)  # noticed before anything was sent


_RECORDER = """
import sys
from mimik.store import Draft, Store
from tests.sessions import aggregates, samples
store = Store.open(sys.argv[1])
session = store.begin(Draft("Killed"))
second = 0
while True:
    store.append(session.id, samples([second], [1]), aggregates([second, second], [0, 1]), second + 1.0)
    second += 1
    print(session.id, second, flush=True)
"""


def test_a_killed_recorder_loses_nothing_that_was_saved(database_url: str) -> None:
    recorder = subprocess.Popen([sys.executable, "-c", _RECORDER, database_url], stdout=subprocess.PIPE, text=True)
    assert recorder.stdout is not None
    told = [recorder.stdout.readline().split() for _ in range(30)]
    recorder.kill()
    told += [line.split() for line in recorder.stdout.read().splitlines()]
    recorder.wait()
    recorder.stdout.close()
    id, saved = told[-1][0], int(told[-1][1])  # noqa: A001
    with Store.open(database_url) as store:
        session = store.session(id)
        whole = len(store.aggregates(id, 1).of(0))
        assert whole in (saved, saved + 1)  # killed between saving and telling
        assert session.duration_s == whole
        assert len(store.aggregates(id, 1).of(1)) == sum(map(len, store.samples(id))) == whole
    if database_url.startswith("sqlite"):
        connection = sqlite3.connect(database_url.removeprefix("sqlite:///"))
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()

"""Recording as it may go wrong: killed processes, two at once, a server that goes away, a disk that is full."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event

from mimik.store import Draft, MarkerKind, SessionState, SessionWriter, Store
from mimik.store import writer as module
from mimik.store.values import ROOM
from tests.databases import Cluster
from tests.unit.store.readings import face, result

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them"),
]

MIMIK = [sys.executable, "-c", "import sys; from mimik.cli import main; sys.exit(main())"]
WRITES = """
import sys, time
from mimik.store import Draft, SessionWriter, Store
from tests.unit.store.readings import face, result

url, count, fps = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
with Store.open(url) as store, SessionWriter(store, Draft("test")) as writer:
    print(writer.session.id, flush=True)
    began = time.perf_counter()
    for n in range(count):
        time.sleep(max(0.0, began + n / fps - time.perf_counter()))
        now = time.perf_counter()
        writer.write(result(n / fps, [face(1), face(2)], n, now))
        print(n, flush=True)
"""
"""A session of some frames of two people, told on standard output as they are written."""


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Fail unless it comes true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "never came true"
        time.sleep(0.02)


def start(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )


def write_elsewhere(url: str, count: int, fps: float) -> "subprocess.Popen[str]":
    return start(sys.executable, "-c", WRITES, url, str(count), str(fps), PYTHONPATH=os.getcwd())


def frames(store: Store, session: str) -> int:
    return int(store.aggregates(session).of(ROOM).frames.sum())


def samples(store: Store, session: str) -> int:
    return sum(len(batch) for batch in store.samples(session))


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def notice(told: list[str]) -> Callable[[str, dict[str, object]], None]:
    return lambda text, values: told.append(text.format(**values))


@pytest.mark.timing
def test_a_killed_writer_loses_a_second_at_the_most_and_never_the_file(database_url: str) -> None:
    fps = 50.0
    process = write_elsewhere(database_url, 100_000, fps)
    assert process.stdout is not None
    session = process.stdout.readline().strip()
    assert session, process.communicate()[1]
    written = -1
    for line in process.stdout:
        written = int(line)
        if written >= 2.3 * fps:
            break
    process.send_signal(signal.SIGKILL)
    written += len(process.stdout.read().splitlines())
    process.wait(10)
    assert process.stderr is not None
    process.stdout.close()
    process.stderr.close()

    with Store.open(database_url) as store:
        kept = frames(store, session)
        assert written + 1 - kept <= 1.0 * fps
        assert samples(store, session) == 2 * kept
        assert store.session(session).state is SessionState.RECORDING
        store.begin(Draft("the next one"))
    if database_url.startswith("sqlite"):
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        database.close()


@pytest.mark.timing
def test_a_killed_command_leaves_its_session_which_is_then_called_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sessions.db"
    process = start(*MIMIK, "live", "demo", "--headless", "--session", "Demo", "--clip", MIMIK_DATABASE_URL=str(path))
    assert process.stdout is not None
    said: dict[int, float] = {}
    for line in process.stdout:
        row = json.loads(line)
        said[row["frame"]] = row["time_s"]
        if row["time_s"] > said[min(said)] + 3:
            break
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    for line in rest.splitlines()[:-1]:  # the last may be torn
        row = json.loads(line)
        said[row["frame"]] = row["time_s"]
    with Store.open(path) as store:
        (session,) = store.sessions()
        assert session.state is SessionState.RECORDING
        missing = list(said.values())[frames(store, session.id) :]
        assert not missing or missing[-1] - missing[0] < 1
        monkeypatch.setattr("mimik.store.upkeep._QUIET_S", -1.0)
        assert [each.id for each in store.adopt()] == [session.id]
        assert store.session(session.id).state is SessionState.INTERRUPTED
        assert session.clip is not None
        assert (store.clips / session.clip).exists()
        store.delete(session.id)
        assert list(store.clips.iterdir()) == []


def test_two_processes_write_at_once(database_url: str) -> None:
    Store.open(database_url).close()
    processes = [write_elsewhere(database_url, 150, 50.0) for _ in range(2)]
    said = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert [error for _, error in said] == ["", ""]
    with Store.open(database_url) as store:
        for out, _ in said:
            session = store.session(out.split()[0])
            assert session.state is SessionState.DONE
            assert frames(store, session.id) == 150
            assert samples(store, session.id) == 300
            assert store.markers(session.id) == ()


def test_a_server_that_goes_away_and_comes_back_costs_nothing(
    postgresql: Cluster,
    postgresql_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    told: list[str],
    notice: Callable[[str, dict[str, object]], None],
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with Store.open(postgresql_url) as store:
        with SessionWriter(store, Draft("x"), notice=notice) as writer:
            session = writer.session.id
            count = 0

            def write(seconds: float) -> None:
                nonlocal count
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    writer.write(result(0, [face()], count, time.perf_counter()))
                    count += 1
                    time.sleep(0.01)

            write(1.2)
            stopped = True
            postgresql.stop()
            try:
                write(1.0)
                wait_for(lambda: writer.unsaved_s > 0)
                marker = writer.mark("while it was away")
                assert marker.id == 0
                write(0.5)
                postgresql.start()
                stopped = False
                wait_for(lambda: writer.unsaved_s == 0)
                write(0.3)
            finally:
                if stopped:
                    postgresql.start()
        assert frames(store, session) == count
        assert samples(store, session) == count
        assert [each.label for each in store.markers(session)] == ["while it was away"]
        assert store.session(session).state is SessionState.DONE
    assert sum("is not being saved" in text for text in told) == 1
    assert sum("Nothing of it is lost" in text for text in told) == 1
    assert len(told) == 3


def test_a_locked_database_is_waited_for(
    tmp_path: Path, told: list[str], notice: Callable[[str, dict[str, object]], None]
) -> None:
    """Another program holds the file for longer than the store waits."""
    path = tmp_path / "sessions.db"
    with Store.open(path) as store:
        other = sqlite3.connect(path, isolation_level=None)
        with SessionWriter(store, Draft("x"), notice=notice) as writer:
            other.execute("BEGIN IMMEDIATE")
            for n in range(20):
                writer.write(result(0, [face()], n, time.perf_counter()))
            wait_for(lambda: writer.unsaved_s > 0)
            other.execute("COMMIT")
            wait_for(lambda: writer.unsaved_s == 0)
        other.close()
        assert frames(store, writer.session.id) == 20
    assert any("locked" in text for text in told)
    assert len(told) == 3


@contextmanager
def full_disk(store: Store) -> Iterator[None]:
    """SQLite may take no more pages, as on a disk without room."""
    pages = 1  # it takes what it has as the least

    @event.listens_for(store._engine, "begin")
    def limit(connection: Any) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    yield
    pages = 1_000_000


def test_a_full_disk_ends_nothing_and_what_was_lost_is_marked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    told: list[str],
    notice: Callable[[str, dict[str, object]], None],
) -> None:
    """Memory is short, too."""
    monkeypatch.setattr(module, "_MOST_ROWS", 400)
    path = tmp_path / "sessions.db"
    with Store.open(path) as store:
        with SessionWriter(store, Draft("x"), notice=notice) as writer:
            session = writer.session.id
            writer.write(result(0, [face()], 0, time.perf_counter()))
            wait_for(lambda: frames(store, session) == 1)
            with full_disk(store):
                for n in range(1, 6000):
                    writer.write(result(0, [face(), face(2)], n, time.perf_counter()))
                    time.sleep(0.001)
                    # By the markers and not by the time alone: a busy machine needs seconds to fill the room.
                    if writer.unsaved_s > 1 and any(note.marker.kind is MarkerKind.LOST for note in writer._notes):
                        break
            wait_for(lambda: writer.unsaved_s == 0)
            writer.write(result(0, [face(), face(2)], 9000, time.perf_counter()))
        lost = [marker for marker in store.markers(session) if marker.kind is MarkerKind.LOST]
        kept = np.concatenate([batch.time_s for batch in store.samples(session)])
        assert len(lost) >= 1
        for marker in lost:
            assert marker.end_s is not None
            assert not ((kept >= marker.time_s) & (kept < marker.end_s)).any()
        assert store.session(session).state is SessionState.DONE
        assert writer.lost_s > 0
    assert sum("no room" in text for text in told) == 1
    assert sum("are lost and marked" in text for text in told) == 1

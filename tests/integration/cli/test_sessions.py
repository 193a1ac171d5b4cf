"""Sessions recorded by the commands as people run them, with the real line, on the bundled faces."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from websockets.sync.client import connect

from mimik.store import SessionState, Store
from mimik.store.values import ROOM
from tests.integration.cli.test_commands import display, page, run, start  # noqa: F401

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timing,
    pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes as POSIX has them"),
]


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "sessions.db"
    monkeypatch.setenv("MIMIK_DATABASE_URL", str(path))
    return path


def test_the_demo_is_recorded_and_its_id_leads_to_it(db: Path) -> None:
    result = run("live", "demo", "--headless", "--seconds", "2", "--session", "Demo", "--purpose", "research")
    assert result.returncode == 0, result.stderr
    said = re.search(r"mimik session report (\w+) -o report.html", result.stderr)
    assert said is not None, result.stderr
    with Store.open(db) as store:
        session = store.session(said[1])
        assert session.state is SessionState.DONE
        assert re.fullmatch(r"default \(sha256 [0-9a-f]{8}\) · centerface", session.model)
        assert session.people >= 1
        room = store.aggregates(session.id).of(ROOM)
        assert room.faces.sum() > 5
        assert room.readings.sum() > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_page_records_the_source_until_it_ends(number: signal.Signals, db: Path, tmp_path: Path) -> None:
    video = tmp_path / "demo.mp4"
    arguments = ("--session", "Demo", "--record", str(video), "--no-browser", "--port", "0")
    process = start("live", "demo", *arguments)
    try:
        address = page(process).replace("http:", "ws:")
        with connect(f"{address}ws/source") as viewer:
            end = time.monotonic() + 20
            with Store.open(db) as store:
                while not (store.sessions() and len(store.aggregates(store.sessions()[0].id))):
                    viewer.recv(20)
                    assert time.monotonic() < end
            process.send_signal(number)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert "The session is kept" in said
    assert "Traceback" not in said
    assert video.stat().st_size > 0
    with Store.open(db) as store:
        (session,) = store.sessions()
        assert session.state is SessionState.DONE
        assert store.aggregates(session.id).of(ROOM).frames.sum() > 0


def test_m_in_the_window_sets_a_marker(display: str, db: Path) -> None:  # noqa: F811
    process = start("live", "demo", "--window", "--session", "Demo", DISPLAY=display)
    environment = {**os.environ, "DISPLAY": display}

    def press(*arguments: str) -> None:
        subprocess.run(["xdotool", *arguments], env=environment, check=True, timeout=20)

    try:
        found = subprocess.run(
            ["xdotool", "search", "--sync", "--onlyvisible", "--name", "Mimik"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        window = found.stdout.split()[0]
        with Store.open(db) as store:
            end = time.monotonic() + 20
            while not store.sessions():
                time.sleep(0.1)
                assert time.monotonic() < end
            (session,) = store.sessions()
            while not store.markers(session.id):
                press("windowfocus", window, "key", "m")
                time.sleep(0.5)
                assert time.monotonic() < end
            press("windowfocus", window, "key", "q")
            _, said = process.communicate(timeout=20)
            assert process.returncode == 0, said
            assert store.session(session.id).state is SessionState.DONE
            assert store.markers(session.id)[0].label == "1"
            assert store.aggregates(session.id).of(ROOM).frames.sum() > 0
    finally:
        process.kill()
        process.communicate()

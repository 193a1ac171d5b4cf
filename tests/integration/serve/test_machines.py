"""Jobs that outlive programs, and machines that share a database."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from mimik.pipeline import Pipeline
from mimik.serve.copies import place_of, uploads_folder
from mimik.serve.queue import QueueWorker
from mimik.serve.right_of_way import RightOfWay
from mimik.store import Store
from mimik.store.values import Draft, Job, JobState
from tests.fakes import FakeClassifier, fake_pipeline
from tests.integration.serve.test_jobs import Held, _until
from tests.media import demo_video, numbered_frames, write_video

pytestmark = pytest.mark.integration


@contextmanager
def program(database: Path) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """A real `mimik serve`, and its client; killed in the end."""
    command = [
        str(Path(sys.executable).with_name("mimik")),
        "serve",
        "--port",
        "0",
        "--db",
        str(database),
        "--threads",
        "1",
    ]
    environment = os.environ | {"COLUMNS": "200", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        try:
            assert running.stdout is not None
            said: list[str] = []
            for line in running.stdout:
                said.append(line)
                if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                    break
            else:
                raise AssertionError("".join(said))
            threading.Thread(target=running.stdout.read, daemon=True).start()
            with httpx.Client(base_url=found[0], trust_env=False, timeout=60) as http:
                yield running, http
        finally:
            running.kill()


def send(http: httpx.Client, film: Path, title: str) -> str:
    with film.open("rb") as file:
        sent = http.post("/v1/jobs", files={"file": ("film.mp4", file)}, data={"draft": f'{{"title":"{title}"}}'})
    assert sent.status_code == 201, sent.text
    return str(sent.json()["id"])


def over(http: httpx.Client, job: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        now: dict[str, Any] = http.get(f"/v1/jobs/{job}").json()
        return now if now["state"] not in ("queued", "running") else None

    found: dict[str, Any] = _until(ended, 120)
    return found


def test_a_job_survives_a_server_that_is_killed_in_the_middle(tmp_path: Path) -> None:
    """SIGKILL, and the same command again: every frame is there once, as in a run that nothing interrupted."""
    # Long enough that nobody who looks every 20 ms finds it read to its end.
    frames = 600
    film = demo_video(tmp_path / "film.mp4", seconds=frames / 25, size=(320, 180))
    database = tmp_path / "sessions.db"
    with program(database) as (running, http):
        job = send(http, film, "killed")
        _until(lambda: http.get(f"/v1/jobs/{job}").json()["frames"] >= 3, 60)
        running.send_signal(signal.SIGKILL)
        running.wait(10)
    with Store.open(database) as store:
        left = store.job(job)
        assert left.state is JobState.RUNNING
        assert 3 <= left.frames < frames
        assert left.session is not None
    with program(database) as (_, http):
        done, undisturbed = over(http, job), over(http, send(http, film, "undisturbed"))
        assert (done["state"], done["frames"], done["error"]) == ("done", frames, None)
        results = [http.get(f"/v1/jobs/{id}/result.csv").text for id in (job, undisturbed["id"])]  # noqa: A001
        assert results[0].count("\n") > frames
        assert results[0] == results[1]
    with Store.open(database) as store:
        assert sorted(session.title for session in store.sessions()) == ["killed", "undisturbed"]
        mine, other = (store.aggregates(str(each["session"])) for each in (done, undisturbed))
        assert mine.of(0).frames.sum() == frames
        for name in ("frames", "faces", "sure", "uncertain", "withheld", "labels", "probabilities", "valence"):
            assert np.array_equal(getattr(mine, name), getattr(other, name)), name


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_video(tmp_path / "film.mp4", numbered_frames(40, 160, 96), 25)


@pytest.fixture
def machines(postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Store]]:
    """One PostgreSQL database, and two machines with disks of their own."""
    with ExitStack() as stack:
        stores = {}
        for name in ("mill", "barn"):
            monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / name))
            stores[name] = stack.enter_context(Store.open(postgresql_url))
        assert stores["mill"].clips != stores["barn"].clips
        yield stores


def put(store: Store, film: Path, id: str) -> Path:  # noqa: A002
    """A job as an upload leaves it on a machine."""
    folder = uploads_folder(store)
    place = place_of(folder)
    copy = folder / id
    copy.write_bytes(film.read_bytes())
    now = datetime.now().astimezone()
    store.add_job(Job(id, f"{id}.mp4", str(copy), Draft(id, live=False), JobState.QUEUED, now, place=place))
    return copy


@contextmanager
def worker(
    store: Store, machine: str, classifier: FakeClassifier | None = None, lease_s: float = 30
) -> Iterator[QueueWorker]:
    pipeline: Pipeline = fake_pipeline(classifier=classifier)
    found = QueueWorker(pipeline, RightOfWay(), machine=machine, lease_s=lease_s)
    found.start(store)
    try:
        yield found
    finally:
        found.stop()


def done(store: Store, job: str) -> Job:
    _until(lambda: store.job(job).state not in (JobState.QUEUED, JobState.RUNNING), 60)
    return store.job(job)


def test_machines_read_the_videos_on_their_own_disks_and_let_each_others_jobs_run(
    machines: dict[str, Store], film: Path
) -> None:
    """A machine that starts neither begins what another is reading anew, nor takes what lies elsewhere."""
    held, (mill, barn) = Held(), machines.values()
    put(mill, film, "first")
    with worker(mill, "mill", held):
        assert held.held.wait(20)
        _until(lambda: mill.job("first").session is not None)
        begun = mill.job("first").session
        put(mill, film, "second")
        put(barn, film, "third")
        with worker(barn, "barn"):
            assert done(barn, "third").state is JobState.DONE
            time.sleep(0.3)
            assert barn.job("first").session == begun
            assert [barn.job(id).state for id in ("first", "second")] == [JobState.RUNNING, JobState.QUEUED]  # noqa: A001
            held.let_go.set()
            assert [done(mill, id).state for id in ("first", "second")] == [JobState.DONE] * 2  # noqa: A001
    assert mill.job("first").session == begun
    for job in mill.jobs():
        assert mill.aggregates(str(job.session)).of(0).frames.sum() == 40
    assert len(mill.sessions()) == 3


def test_a_cancelled_job_of_another_machine_ends(machines: dict[str, Store], film: Path) -> None:
    held, (mill, barn) = Held(), machines.values()
    copy = put(mill, film, "first")
    with worker(mill, "mill", held), worker(barn, "barn") as other:
        assert held.held.wait(20)
        other.cancel(barn, "first")
        held.let_go.set()
        _until(lambda: not copy.exists())
        _until(lambda: mill.sessions() == ())
    assert mill.job("first").state is JobState.CANCELLED


class Frozen(FakeClassifier):
    """Reads a few frames, then stands still until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.held = threading.Event()
        self.let_go = threading.Event()

    def classify(self, crops: Any) -> Any:
        if len(self.batches) == 3:
            self.held.set()
            assert self.let_go.wait(60)
        return super().classify(crops)


@pytest.mark.parametrize("comes_back", [False, True])
def test_a_machine_that_is_not_heard_of_loses_its_job(
    machines: dict[str, Store], film: Path, comes_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To another that shares its folder. Should it come back, nothing that it read counts, and nothing breaks."""
    frozen, mill = Frozen(), machines["mill"]
    put(mill, film, "first")
    monkeypatch.setattr(mill, "renew_job", lambda *_: True)  # cut off: its signs of life do not arrive
    barn = machines["barn"]
    object.__setattr__(barn, "_address", replace(barn._address, clips=mill.clips))  # a folder that both can see
    with worker(mill, "mill", frozen, lease_s=0.5):
        assert frozen.held.wait(20)
        _until(lambda: mill.job("first").session is not None)
        begun = mill.job("first").session
        with worker(barn, "barn", lease_s=60):
            _until(lambda: barn.job("first").session not in (None, begun))
            taken = done(barn, "first")
            assert taken.state is JobState.DONE
            if comes_back:
                monkeypatch.undo()
                frozen.let_go.set()
                _until(lambda: len(frozen.batches) > 3)
                time.sleep(0.5)
                put(barn, film, "second")
                assert done(barn, "second").state is JobState.DONE
        assert barn.job("first") == taken
        assert [session.title for session in barn.sessions() if session.id == begun] == []
        assert barn.aggregates(str(taken.session)).of(0).frames.sum() == 40
        assert len(barn.sessions()) == 1 + comes_back
        frozen.let_go.set()


def test_two_servers_of_one_machine_share_a_folder_without_sharing_a_job(tmp_path: Path, film: Path) -> None:
    """One reads; the other takes over as soon as the first is gone."""
    with Store.open(tmp_path / "sessions.db") as store:
        held = Held(pace_s=0.1)  # which of the two reads first is not settled
        for id in ("first", "second"):  # noqa: A001
            put(store, film, id)
        with worker(store, "mill") as second, worker(store, "mill", held) as first:
            assert [done(store, id).state for id in ("first", "second")] == [JobState.DONE] * 2  # noqa: A001
            second.stop()
            put(store, film, "third")
            held.let_go.set()
            assert done(store, "third").state is JobState.DONE
            first.stop()
        assert len(store.sessions()) == 3

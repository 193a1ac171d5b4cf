"""Jobs whose store is away, and jobs that are deleted while they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mimik.errors import StoreError
from mimik.serve import create_app, queue
from mimik.store import Store, writer
from mimik.store.values import JobState
from tests.fakes import fake_pipeline
from tests.integration.serve.test_jobs import Held, _copies, _over, _send, _until
from tests.media import numbered_frames, write_video
from tests.serving import served

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Two seconds."""
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    write_video(path, numbered_frames(50, 160, 96), 25)
    return path.read_bytes()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(queue, "_LOOK_S", 0.02)
    with Store.open(tmp_path / "sessions.db") as store:
        yield store


class Away:
    """A method of a store that is away for some calls."""

    def __init__(self, method: Callable[..., Any], calls: int, when: Callable[..., bool] = lambda **_: True) -> None:
        self.left = calls
        self._method = method
        self._when = when

    def __call__(self, *values: Any, **named: Any) -> Any:
        if self.left and self._when(**named):
            self.left -= 1
            raise StoreError("{place}: away.", place="x")
        return self._method(*values, **named)


def test_a_job_that_is_deleted_while_it_runs_leaves_nothing(store: Store, video: bytes) -> None:
    held = Held()
    with served(create_app(fake_pipeline(classifier=held), store=store)) as server:
        job = _send(server, video).json()["id"]
        assert held.held.wait(20)
        _until(lambda: store.job(job).session is not None)
        assert server.http.delete(f"/v1/jobs/{job}").json()["state"] == "cancelled"
        assert server.http.delete(f"/v1/jobs/{job}").status_code == 204
        held.let_go.set()
        _until(lambda: store.sessions() == ())
        _until(lambda: _copies(store) == [])


@pytest.mark.parametrize(
    ("method", "calls", "when"),
    [
        ("begin", 5, lambda **_: True),
        ("update_job", 5, lambda **fields: "session" in fields),
        ("update_job", 50, lambda **fields: fields.get("state") is JobState.DONE),
    ],
    ids=["at the beginning", "once the session is begun", "at the end"],
)
def test_a_store_that_is_away_for_a_while_costs_no_result(
    store: Store, video: bytes, monkeypatch: pytest.MonkeyPatch, method: str, calls: int, when: Callable[..., bool]
) -> None:
    away = Away(getattr(store, method), calls, when)
    monkeypatch.setattr(store, method, away)
    with served(create_app(fake_pipeline(), store=store)) as server:
        done = _over(server, _send(server, video).json()["id"])
        assert (done["state"], done["error"], away.left) == ("done", None, 0)
        assert store.aggregates(done["session"]).of(0).frames.sum() == 50
        assert len(store.sessions()) == 1
        _until(lambda: _copies(store) == [])


def test_a_session_whose_end_was_not_saved_is_read_anew(
    store: Store, video: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never called done with a part of its frames."""
    monkeypatch.setattr(writer, "_CLOSE_S", 0.1)
    append = store.append
    away = Away(append, 10_000)
    monkeypatch.setattr(store, "append", away)
    monkeypatch.setattr(queue.QueueWorker.__init__, "__kwdefaults__", {"machine": None, "lease_s": 1.0})
    with served(create_app(fake_pipeline(), store=store)) as server:
        job = _send(server, video).json()["id"]
        first = _until(lambda: store.job(job).session)
        _until(lambda: away.left < 10_000)
        # Only once it is read anew: the store, back too soon, would take all of the first session.
        _until(lambda: store.job(job).session not in (None, first))
        assert store.job(job).state is JobState.RUNNING
        monkeypatch.setattr(store, "append", append)
        done = _over(server, job)
        assert (done["state"], done["error"]) == ("done", None)
        assert store.aggregates(done["session"]).of(0).frames.sum() == 50
        assert [session.id for session in store.sessions()] == [done["session"]] != [first]

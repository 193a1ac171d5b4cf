"""The analysis queue, through a real server, real files and a real database."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest

from mimik.errors import StoreError
from mimik.serve import create_app, queue
from mimik.serve.limits import Limits
from mimik.serve.right_of_way import RightOfWay
from mimik.store import SessionWriter, Store
from mimik.store.values import Draft, Job, JobState
from tests.fakes import FakeClassifier, fake_pipeline
from tests.media import numbered_frames, write_video
from tests.serving import Served, served

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Two seconds."""
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    write_video(path, numbered_frames(50, 160, 96), 25)
    return path.read_bytes()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "sessions.db") as store:
        yield store


class Held(FakeClassifier):
    """Reads a few frames, then, until it is let go, two a second.

    Not none at all: between two frames a job finds out that it is cancelled, or that its server stops. So slow that on
    a busy machine, too, the film is far from its end when a test has done what it does meanwhile.
    """

    def __init__(self, after: int = 3, pace_s: float = 0.5) -> None:
        super().__init__()
        self.held = threading.Event()
        self.let_go = threading.Event()
        self._after = after
        self._pace_s = pace_s

    def classify(self, crops: Any) -> Any:
        if len(self.batches) >= self._after:
            self.held.set()
            self.let_go.wait(self._pace_s)
        return super().classify(crops)


def _send(server: Served, video: bytes, name: str = "A film.mp4", **draft: Any) -> httpx.Response:
    return server.http.post(
        "/v1/jobs", files={"file": (name, video, "video/mp4")}, data={"draft": json.dumps(draft)}, timeout=30
    )


def _until(true: Callable[[], Any], seconds: float = 30.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.02)
    return found


def _over(server: Served, job: str) -> dict[str, Any]:
    def over() -> dict[str, Any] | None:
        now: dict[str, Any] = server.http.get(f"/v1/jobs/{job}").json()
        return now if now["state"] in ("done", "failed", "cancelled") else None

    found: dict[str, Any] = _until(over)
    return found


def _copies(store: Store) -> list[str]:
    uploads = (store.clips / "uploads").iterdir()
    return [path.name for path in uploads if path.suffix != ".lock" and path.name != "place"]


def test_a_video_becomes_a_session(store: Store, video: bytes) -> None:
    """Every frame is read, at the video's own times; nothing of the copy is left, and its path is never told."""
    with served(create_app(fake_pipeline(), store=store)) as server:
        sent = _send(server, video, title="The film", purpose="advertisement", tags=["a"])
        assert sent.status_code == 201, sent.text
        assert "path" not in sent.json()
        done = _over(server, sent.json()["id"])
        assert (done["state"], done["progress"], done["error"]) == ("done", 1.0, None)
        session = server.http.get(f"/v1/sessions/{done['session']}").json()
        assert (session["title"], session["purpose"], session["live"], session["source"]) == (
            "The film",
            "advertisement",
            False,
            "A film.mp4",
        )
        assert session["duration_s"] == pytest.approx(2.0, abs=0.1)
        assert store.aggregates(done["session"]).of(0).frames.sum() == 50
        _until(lambda: _copies(store) == [])
        assert [job["id"] for job in server.http.get("/v1/jobs").json()["jobs"]] == [done["id"]]
        assert server.http.delete(f"/v1/jobs/{done['id']}").status_code == 204
        assert server.http.get("/v1/jobs").json() == {"jobs": []}
        assert store.session(done["session"]).title == "The film"


def test_without_a_title_it_is_called_as_the_video(store: Store, video: bytes) -> None:
    with served(create_app(fake_pipeline(), store=store)) as server:
        done = _over(server, _send(server, video, name="..\\..\\etc/pass wd\u202e.mp4").json()["id"])
        assert (done["name"], done["draft"]["title"]) == ("pass wd .mp4", "pass wd .mp4")


def test_what_is_no_video_fails_in_words(store: Store) -> None:
    """With its own name, not with where its copy lay; the next one is read."""
    with served(create_app(fake_pipeline(), store=store)) as server:
        failed = _over(server, _send(server, b"no video at all", title="x").json()["id"])
        assert failed["state"] == "failed"
        assert failed["error"]["values"]["path"] == "A film.mp4"
        assert str(store.clips) not in json.dumps(failed)
        assert store.sessions() == ()
        _until(lambda: _copies(store) == [])


def test_a_cancelled_job_leaves_nothing(store: Store, video: bytes) -> None:
    """Neither a half session nor a copy; the second in the queue goes on."""
    held = Held()
    with served(create_app(fake_pipeline(classifier=held), store=store)) as server:
        first, second = (_send(server, video, title=title).json()["id"] for title in ("one", "two"))
        assert held.held.wait(20)
        _until(lambda: store.job(first).session is not None)
        assert server.http.get(f"/v1/jobs/{second}").json()["state"] == "queued"
        assert server.http.delete(f"/v1/jobs/{first}").json()["state"] == "cancelled"
        held.let_go.set()
        assert _over(server, second)["state"] == "done"
        assert [session.title for session in store.sessions()] == ["two"]
        assert server.http.get(f"/v1/jobs/{first}").json()["session"] is None
        _until(lambda: _copies(store) == [])


def test_a_waiting_job_is_cancelled_at_once(store: Store, video: bytes) -> None:
    held = Held()
    with served(create_app(fake_pipeline(classifier=held), store=store)) as server:
        first, second = (_send(server, video, title=title).json()["id"] for title in ("one", "two"))
        assert held.held.wait(20)
        assert server.http.delete(f"/v1/jobs/{second}").json()["state"] == "cancelled"
        assert second not in _copies(store)
        held.let_go.set()
        assert _over(server, first)["state"] == "done"
        assert server.http.get(f"/v1/jobs/{second}").json()["state"] == "cancelled"


def test_the_queue_survives_a_restart(store: Store, video: bytes) -> None:
    """A job under way begins anew at the next start, and becomes one session."""
    held = Held()
    with served(create_app(fake_pipeline(classifier=held), store=store)) as server:
        job = _send(server, video, title="twice begun").json()["id"]
        assert held.held.wait(20)
        _until(lambda: store.job(job).session is not None)
    assert store.job(job).state is JobState.RUNNING
    assert _copies(store) == [job]
    with served(create_app(fake_pipeline(), store=store)) as server:
        done = _over(server, job)
    assert done["state"] == "done"
    assert [session.id for session in store.sessions()] == [done["session"]]
    assert store.aggregates(done["session"]).of(0).frames.sum() == 50


def test_what_a_killed_server_left_is_taken_up(store: Store, video: bytes, tmp_path: Path) -> None:
    """Its job was running and its session half written."""
    copy = store.clips / "uploads" / "left"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(video)
    writer = SessionWriter(store, Draft("half", live=False), wall_clock=False)
    with writer:
        half = writer.session.id
    now = writer.session.started_at
    store.add_job(Job("left", "left.mp4", str(copy), Draft("whole"), JobState.RUNNING, now, session=half))
    with served(create_app(fake_pipeline(), store=store)) as server:
        assert _over(server, "left")["state"] == "done"
    assert [session.title for session in store.sessions()] == ["whole"]


@pytest.mark.parametrize("state", [JobState.CANCELLED, JobState.FAILED])
def test_a_half_session_that_a_killed_server_could_not_delete_goes_at_the_next_start(
    store: Store, state: JobState
) -> None:
    """The job stays in the list: letting it go and deleting the session are one transaction."""
    with SessionWriter(store, Draft("half", live=False), wall_clock=False) as writer:
        half = writer.session
    store.add_job(Job("left", "left.mp4", "nowhere", Draft("whole"), state, half.started_at, session=half.id))
    with served(create_app(fake_pipeline(), store=store)) as server:
        _until(lambda: store.sessions() == ())
        job = server.http.get("/v1/jobs/left").json()
    assert (job["state"], job["session"]) == (state.value, None)


def test_a_database_that_is_away_is_told_of_once(
    store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue looks again and again, but the log does not fill."""
    asked: list[None] = []

    def gone() -> NoReturn:
        asked.append(None)
        raise StoreError("{place}: away.", place="there")

    monkeypatch.setattr(store, "jobs", gone)
    monkeypatch.setattr(queue, "_LOOK_S", 0.01)
    worker = queue.QueueWorker(fake_pipeline(), RightOfWay())
    worker.start(store)
    _until(lambda: len(asked) > 3)
    worker.stop()
    assert [record.getMessage() for record in caplog.records] == ["the queue waits: there: away."]


def test_progress_is_told(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    write_video(path, numbered_frames(200, 160, 96), 25)
    with served(create_app(fake_pipeline(classifier=FakeClassifier(pause_s=0.01)), store=store)) as server:
        job = _send(server, path.read_bytes(), title="long").json()["id"]
        running = _until(lambda: (now := server.http.get(f"/v1/jobs/{job}").json())["progress"] > 0 and now)
        assert 0 < running["progress"] <= 1
        assert _over(server, job)["state"] == "done"


@pytest.mark.parametrize("announced", [True, False])
def test_a_video_that_is_too_large_is_refused_and_leaves_nothing(store: Store, announced: bool) -> None:
    """By its announced length, or as soon as too much has come."""
    with served(create_app(fake_pipeline(), store=store, limits=Limits(upload=200_000))) as server:
        form = httpx.Request(
            "POST", server.address, files={"file": ("a.mp4", b"x" * 300_000)}, data={"draft": '{"title":"a"}'}
        )
        body = form.read()
        headers = {"Content-Type": form.headers["content-type"]}
        answer = server.http.post(
            "/v1/jobs", content=body if announced else iter([body[:100_000], body[100_000:]]), headers=headers
        )
        assert answer.status_code == 413
        assert answer.json()["values"] == {"limit": 0.0002}
        assert server.http.get("/v1/jobs").json() == {"jobs": []}
        assert not (store.clips / "uploads").exists() or _copies(store) == []


@pytest.mark.parametrize(
    ("parts", "status", "field"),
    [
        ({"file": ("a.mp4", b"x")}, 422, "draft"),
        ({"draft": (None, '{"title":"a"}')}, 422, "file"),
        ({"file": ("a.mp4", b"x"), "draft": (None, "{not json")}, 422, "draft"),
        ({"file": ("a.mp4", b"x"), "draft": (None, '{"title":"a","path":"/etc/passwd"}')}, 422, "draft.path"),
        ({"file": ("a.mp4", b"x"), "draft": (None, '{"title":"a","purpose":"lesson"}')}, 422, "ground"),
        ({"file": ("a.mp4", b"x"), "other": (None, "x")}, 422, "other"),
        ({"file": ("a.mp4", b"x"), "draft": (None, " " * 100_000)}, 413, None),
    ],
)
def test_a_wrong_form_is_refused_and_leaves_nothing(
    store: Store, parts: dict[str, Any], status: int, field: str | None
) -> None:
    with served(create_app(fake_pipeline(), store=store)) as server:
        answer = server.http.post("/v1/jobs", files=parts)
        assert (answer.status_code, answer.json().get("field")) == (status, field)
        assert _copies(store) == []


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"", "multipart/form-data", 415),
        (b"rubbish", "multipart/form-data; boundary=x", 400),
        (b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nhalf', "multipart/form-data; boundary=x", 400),
        (b"--x\r\n" + b"a" * 70_000 + b": b\r\n\r\n", "multipart/form-data; boundary=x", 400),
        (b"--x--\r\n", "multipart/form-data; boundary=" + "x" * 1000, 400),
    ],
)
def test_what_is_no_form_is_refused_and_leaves_nothing(store: Store, body: bytes, kind: str, status: int) -> None:
    with served(create_app(fake_pipeline(), store=store)) as server:
        answer = server.http.post("/v1/jobs", content=body, headers={"Content-Type": kind})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert not (store.clips / "uploads").exists() or _copies(store) == []


def test_age_is_not_estimated_of_a_lesson_or_of_work(store: Store, video: bytes) -> None:
    """Neither is a session that is being recorded with it turned into one."""
    app = create_app(fake_pipeline(), store=store)
    app.state.attributes = True
    with served(app) as server:
        for purpose in ("lesson", "work"):
            answer = _send(server, video, purpose=purpose, ground="asked")
            assert answer.status_code == 409
            assert "Age and gender are not estimated" in answer.text
        assert _copies(store) == []
        with SessionWriter(store, Draft("An interview"), wall_clock=True) as writer:
            path = f"/v1/sessions/{writer.session.id}"
            assert server.http.patch(path, json={"purpose": "lesson", "ground": "asked"}).status_code == 409
            assert server.http.patch(path, json={"title": "Another"}).status_code == 200

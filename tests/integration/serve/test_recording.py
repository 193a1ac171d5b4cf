"""Recording what is seen live, through a real server into a real database."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from mimik.errors import StoreError
from mimik.serve import create_app
from mimik.serve.limits import Limits
from mimik.serve.messages import PICTURE_HEADER
from mimik.store import Store
from mimik.store.values import MarkerKind, SessionState
from mimik.types import SourceKind
from tests.fakes import FakeSource, fake_pipeline
from tests.serving import Served, served

pytestmark = pytest.mark.integration

_DRAFT = {"title": "Tasting", "tags": ["one", "two"]}


class Visitor:
    """A page with a camera: sends pictures all the time and keeps what it is told."""

    def __init__(self, socket: ClientConnection) -> None:
        self.told: list[dict[str, Any]] = []
        self.token = json.loads(socket.recv(10))["live"]
        self._socket = socket
        self._picture = cv2.imencode(".jpg", np.zeros((90, 160, 3), np.uint8))[1].tobytes()
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    @property
    def path(self) -> str:
        return f"/v1/live/{self.token}/recording"

    def leave(self) -> None:
        self._leaving.set()
        self._thread.join(10)

    def heard(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in tuple(self.told) if message["type"] == kind]

    def sees(self, more: int) -> None:
        """Wait until so many more pictures are read; those that were sent before now do not count."""
        before = len(self.heard("result")) + 1  # one may be under way
        _until(lambda: len(self.heard("result")) >= before + more)

    def _work(self) -> None:
        number = 0
        with suppress(ConnectionClosed):
            while not self._leaving.wait(0.03):
                self._socket.send(PICTURE_HEADER.pack(number, number * 0.03) + self._picture)
                number += 1
                while True:
                    message = json.loads(self._socket.recv(10))
                    self.told.append(message)
                    if message["type"] in ("result", "error"):
                        break


@contextmanager
def _visitor(server: Served) -> Iterator[Visitor]:
    with server.socket("/ws/camera") as socket:
        visitor = Visitor(socket)
        try:
            yield visitor
        finally:
            visitor.leave()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "sessions.db") as store:
        yield store


@pytest.fixture
def server(store: Store) -> Iterator[Served]:
    pipeline = fake_pipeline()
    pipeline.model = "a model (sha256 01234567) · a detector"
    with served(create_app(pipeline, store=store)) as server:
        yield server


def _until(true: Any, seconds: float = 60.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.02)
    return found


def test_a_visitor_who_leaves_while_the_store_is_away_holds_nobody_up(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recording that was just beginning ends as soon as it has begun."""
    begin, begins, may_begin = store.begin, threading.Event(), threading.Event()

    def slowly(draft: Any) -> Any:
        begins.set()
        assert may_begin.wait(30)
        return begin(draft)

    monkeypatch.setattr(store, "begin", slowly)
    with served(create_app(fake_pipeline(), store=store)) as server:
        with _visitor(server) as visitor:
            starting = threading.Thread(target=server.http.post, args=(visitor.path,), kwargs={"json": _DRAFT})
            starting.start()
            assert begins.wait(20)
        time.sleep(0.3)
        assert server.http.get("/healthz", timeout=10).status_code == 200
        assert not may_begin.is_set()
        may_begin.set()
        starting.join(20)
        _until(lambda: [session.state for session in store.sessions()] == [SessionState.DONE])


def test_no_more_sessions_are_recorded_at_once_than_allowed(store: Store) -> None:
    app = create_app(fake_pipeline(), store=store, limits=Limits(recordings=1))
    with served(app) as server, _visitor(server) as first, _visitor(server) as second:
        assert server.http.post(first.path, json=_DRAFT).status_code == 201
        refused = server.http.post(second.path, json=_DRAFT)
        assert refused.status_code == 503
        assert refused.json()["values"] == {"limit": 1}
        assert server.http.delete(first.path).status_code == 200
        assert server.http.post(second.path, json=_DRAFT).status_code == 201


def test_a_recording_from_its_start_to_nothing_left(server: Served, store: Store, tmp_path: Path) -> None:
    """Record, pause, mark, rest, stop; look at it; take it home; delete it, and find nothing of it in the file."""
    http = server.http
    with _visitor(server) as visitor:
        begun = http.post(visitor.path, json=_DRAFT | {"title": "Unmistakable"})
        assert begun.status_code == 201, begun.text
        session = begun.json()["session"]["id"]
        assert begun.json()["state"] == "recording"
        assert http.post(visitor.path, json=_DRAFT).status_code == 409
        assert http.post(f"{visitor.path}/markers", json={"label": "question 3"}).json()["label"] == "question 3"
        rest = http.post(f"{visitor.path}/baseline", json={"seconds": 1}).json()
        assert rest["end_s"] == pytest.approx(rest["time_s"] + 1)
        visitor.sees(8)
        _until(lambda: store.session(session).duration_s > 0.3)
        assert http.patch(visitor.path, json={"state": "paused"}).json()["state"] == "paused"
        assert http.patch(visitor.path, json={"state": "recording"}).json()["state"] == "recording"
        shown = http.get(visitor.path).json()
        assert [marker["kind"] for marker in shown["markers"]] == ["point", "baseline"]
        assert shown["unsaved_s"] == 0
        assert http.delete(f"/v1/sessions/{session}").status_code == 409
        stopped = http.delete(visitor.path).json()
        assert (stopped["id"], stopped["state"]) == (session, "done")
        assert http.get(visitor.path).status_code == 409
        _until(lambda: [m["state"] for m in visitor.heard("recording")][-1:] == ["done"])
        states = [message["state"] for message in visitor.heard("recording")]
    assert states == ["recording", "recording", "recording", "paused", "recording", "done"]

    listed = http.get("/v1/sessions", params={"search": "unmistak", "tag": "two"}).json()["sessions"]
    assert [found["id"] for found in listed] == [session]
    assert http.get("/v1/sessions", params={"purpose": "lesson"}).json() == {"sessions": []}
    kept = http.get(f"/v1/sessions/{session}").json()
    assert [marker["kind"] for marker in kept["markers"]] == ["point", "baseline", "pause"]
    assert kept["source"] == "visitor's camera"

    path = f"/v1/sessions/{session}"
    assert http.patch(path, json={"title": "İkinci ad", "keep_days": 7}).json()["keep_until"] is not None
    analysis = http.get(f"{path}/analysis").json()
    assert analysis["coverage"]["frames"] > 5
    csv = http.get(f"{path}/export.csv")
    assert csv.headers["content-disposition"] == (
        "attachment; filename=\"Ikinci-ad.csv\"; filename*=UTF-8''%C4%B0kinci-ad.csv"
    )
    assert csv.text.startswith("schema_version,")
    assert http.get(f"{path}/export.json").json()["session"]["title"] == "İkinci ad"
    assert http.get(f"{path}/export.parquet").content[:4] == b"PAR1"
    assert http.get(f"{path}/clip.mp4").status_code == 404
    assert http.get("/v1/store").json()["sessions"] == 1

    assert http.delete(path).status_code == 204
    assert http.get(path).status_code == 404
    assert http.get(path).headers["content-type"] == "application/problem+json"
    assert b"Unmistakable" not in (tmp_path / "sessions.db").read_bytes()


def test_markers_afterwards(server: Served, store: Store) -> None:
    """Added, changed, loaded from CSV and deleted; times that the session has not are refused."""
    with _visitor(server) as visitor:
        session = server.http.post(visitor.path, json=_DRAFT).json()["session"]["id"]
        _until(lambda: store.session(session).duration_s > 0.3)
        server.http.delete(visitor.path)
    path = f"/v1/sessions/{session}/markers"
    first = server.http.post(path, json={"time_s": 0.1, "label": "a"})
    assert first.status_code == 201
    changed = server.http.patch(f"{path}/{first.json()['id']}", json={"label": "b"}).json()
    assert (changed["label"], changed["time_s"]) == ("b", 0.1)
    loaded = server.http.post(f"{path}.csv", content="0:00,start\n0:01,end\n", headers={"Content-Type": "text/csv"})
    assert [marker["label"] for marker in loaded.json()["markers"]] == ["start", "end"]
    wrong = server.http.post(f"{path}.csv", content="99:00,late\n", headers={"Content-Type": "text/csv"})
    assert (wrong.status_code, wrong.json()["values"]["line"]) == (422, 1)
    late = server.http.post(path, json={"time_s": 1e6, "label": "late"})
    assert (late.status_code, late.json()["field"]) == (422, "time_s")
    assert server.http.delete(f"{path}/{first.json()['id']}").status_code == 204
    assert server.http.delete(f"{path}/{first.json()['id']}").status_code == 404
    assert [marker.label for marker in store.markers(session)] == ["start", "end"]


def test_who_leaves_ends_their_recording(server: Served, store: Store) -> None:
    """As a session that is done and whole."""
    with _visitor(server) as visitor:
        session = server.http.post(visitor.path, json=_DRAFT).json()["session"]["id"]
        visitor.sees(5)  # since it records: pictures of before are in no session
    _until(lambda: store.session(session).state is SessionState.DONE)
    assert store.session(session).people == 1
    assert server.http.get(visitor.path).status_code == 404


def test_visitors_are_recorded_apart(server: Served, store: Store) -> None:
    """Each by their own token; what one records nobody else hears of."""
    with _visitor(server) as one, _visitor(server) as two:
        assert one.token != two.token
        assert server.http.post(one.path, json=_DRAFT).status_code == 201
        assert server.http.get(two.path).status_code == 409
        two.sees(5)
        assert two.heard("recording") == []


@pytest.mark.parametrize("purpose", ["lesson", "work", "shop"])
def test_the_law_asks_for_a_ground_first(server: Served, store: Store, purpose: str) -> None:
    """Named as a field; with a ground or people's consent it goes on."""
    assert len(server.http.get("/v1/legal", params={"purpose": purpose}).json()["paragraphs"]) >= 4
    with _visitor(server) as visitor:
        refused = server.http.post(visitor.path, json=_DRAFT | {"purpose": purpose, "ground": "  "})
        assert (refused.status_code, refused.json()["field"]) == (422, "ground")
        assert store.sessions() == ()
        granted = server.http.post(visitor.path, json=_DRAFT | {"purpose": purpose, "ground": "signed forms"})
        assert granted.status_code == 201
        assert server.http.delete(visitor.path).json()["ground"] == "signed forms"


def test_sums_alone_where_they_were_asked_for(server: Served, store: Store) -> None:
    with _visitor(server) as visitor:
        session = server.http.post(visitor.path, json=_DRAFT | {"aggregate_only": True}).json()["session"]["id"]
        _until(lambda: store.session(session).duration_s > 0.3)
        server.http.delete(visitor.path)
    assert store.people(session) == ()
    assert list(store.samples(session)) == []
    assert len(store.aggregates(session)) > 0


def test_a_clip_is_made_where_it_was_asked_for(server: Served, store: Store) -> None:
    """It plays, in pieces, too, and goes with its session."""
    with _visitor(server) as visitor:
        session = server.http.post(visitor.path, json=_DRAFT | {"clip": True}).json()["session"]["id"]
        _until(lambda: store.session(session).duration_s > 0.8)
        assert server.http.delete(visitor.path).json()["clip"] == f"{session}.mp4"
    answer = server.http.get(f"/v1/sessions/{session}/clip.mp4", headers={"Range": "bytes=4-7"})
    assert (answer.status_code, answer.content) == (206, b"ftyp")
    assert server.http.delete(f"/v1/sessions/{session}").status_code == 204
    assert list(store.clips.glob("*.mp4")) == []


def test_all_viewers_share_the_sources_recording(store: Store) -> None:
    """Who comes later hears that it runs; it ends with the source, and its session is done."""
    source = FakeSource(100_000, 25, SourceKind.LIVE)
    app = create_app(fake_pipeline(), source=lambda notice: source, store=store)
    with served(app) as server, server.socket("/ws/source") as one:
        hello = json.loads(one.recv(10))
        path = f"/v1/live/{hello['live']}/recording"
        session = server.http.post(path, json=_DRAFT).json()["session"]["id"]
        with server.socket("/ws/source") as two:
            first, second = json.loads(two.recv(10)), json.loads(two.recv(10))
        assert first == hello
        assert (second["type"], second["session"]["id"]) == ("recording", session)
        source.close()
        _until(lambda: store.session(session).state is SessionState.DONE)
        assert store.session(session).source == "fake"
        assert server.http.get(path).status_code in (404, 409)


def test_the_servers_end_completes_a_recording(store: Store) -> None:
    with served(create_app(fake_pipeline(), store=store)) as server, server.socket("/ws/camera") as socket:
        token = json.loads(socket.recv(10))["live"]
        session = server.http.post(f"/v1/live/{token}/recording", json=_DRAFT).json()["session"]["id"]
    assert store.session(session).state is SessionState.DONE


def test_delete_everything_stops_what_runs(server: Served, store: Store) -> None:
    with _visitor(server) as visitor:
        server.http.post(visitor.path, json=_DRAFT)
        assert server.http.delete("/v1/sessions").status_code == 204
        _until(lambda: [m["state"] for m in visitor.heard("recording")][-1:] == ["done"])
        assert store.sessions() == ()
        assert server.http.post(visitor.path, json=_DRAFT).status_code == 201


def test_without_a_store_the_live_view_works_and_the_rest_says_why() -> None:
    with served(create_app(fake_pipeline())) as server:
        answer = server.http.get("/v1/sessions")
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
        with _visitor(server) as visitor:
            _until(lambda: visitor.heard("result"))
            assert server.http.post(visitor.path, json=_DRAFT).status_code == 503


def test_a_store_that_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    """Its own words are told; the live view works meanwhile."""
    broken = True

    def opened() -> Store:
        if broken:
            raise StoreError("{place}: cannot be opened.", place="here")
        return Store.open(tmp_path / "sessions.db")

    with served(create_app(fake_pipeline(), store=opened)) as server:
        answer = server.http.get("/v1/sessions")
        assert (answer.status_code, answer.json()["text"]) == (503, "{place}: cannot be opened.")
        with _visitor(server) as visitor:
            _until(lambda: visitor.heard("result"))
        broken = False
        assert server.http.get("/v1/sessions").json() == {"sessions": []}


def test_a_store_that_fails_is_told_and_the_run_goes_on(
    server: Served, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be saved meanwhile is saved after."""
    with _visitor(server) as visitor:
        session = server.http.post(visitor.path, json=_DRAFT).json()["session"]["id"]
        whole = store.append

        def failing(*arguments: Any) -> None:
            raise StoreError("{place}: the disk is full.", place="here")

        monkeypatch.setattr(store, "append", failing)
        _until(lambda: visitor.heard("notice"))
        _until(lambda: any(message["unsaved_s"] > 0 for message in visitor.heard("recording")))
        assert server.http.get(visitor.path).json()["unsaved_s"] > 0
        before = len(visitor.heard("result"))
        _until(lambda: len(visitor.heard("result")) > before + 3)
        monkeypatch.setattr(store, "append", whole)
        _until(lambda: server.http.get(visitor.path).json()["unsaved_s"] == 0)
        server.http.delete(visitor.path)
    assert store.session(session).state is SessionState.DONE
    assert MarkerKind.LOST not in [marker.kind for marker in store.markers(session)]


def test_a_session_deleted_by_another_program_is_over(server: Served, store: Store) -> None:
    """People are told; nothing of it is left, its clip included; another recording may begin."""
    with _visitor(server) as visitor:
        session = server.http.post(visitor.path, json=_DRAFT | {"title": "Gone", "clip": True}).json()["session"]["id"]
        _until(lambda: store.session(session).duration_s > 0.3)
        store.delete(session)
        gone = _until(lambda: (answer := server.http.get(visitor.path)).status_code != 200 and answer)
        assert (gone.status_code, gone.json()["values"]) == (410, {"title": "Gone"})
        assert server.http.get(visitor.path).status_code == 409
        assert store.sessions() == ()
        assert [path.name for path in store.clips.iterdir()] == ["uploads"]
        _until(lambda: visitor.heard("notice"))  # the answer may be there before what is told by the socket
        assert [told["text"] for told in visitor.heard("notice")] == [gone.json()["text"]]
        assert {told["state"] for told in visitor.heard("recording")} == {"recording"}
        assert server.http.post(visitor.path, json=_DRAFT).status_code == 201
        assert server.http.delete(visitor.path).json()["state"] == "done"


def test_stopping_a_session_that_was_deleted_says_so(server: Served, store: Store) -> None:
    with _visitor(server) as visitor:
        session = server.http.post(visitor.path, json=_DRAFT).json()["session"]["id"]
        _until(lambda: store.session(session).duration_s > 0.3)
        store.delete(session)
        _until(lambda: visitor.heard("notice"))
        assert server.http.delete(visitor.path).status_code == 410
        assert server.http.delete(visitor.path).status_code == 409

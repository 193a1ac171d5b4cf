"""Input that means harm, or makes no sense: refused in words, never a server's error."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mimik.serve import create_app
from mimik.serve.limits import Limits
from mimik.store import Draft, SessionState, Store
from tests.fakes import fake_pipeline
from tests.serving import Served, served

_HUGE = "9" * 400


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("store") / "sessions.db") as store:
        yield store


@pytest.fixture(scope="module")
def session(store: Store) -> str:
    session = store.begin(Draft("A session"))
    store.set_state(session.id, SessionState.DONE)
    return session.id


@pytest.fixture(scope="module")
def server(store: Store) -> Iterator[Served]:
    with served(create_app(fake_pipeline(), store=store)) as server:
        yield server


@pytest.fixture(scope="module")
def recording(server: Served) -> Iterator[str]:
    """The address of a stream that may be recorded."""
    with server.socket("/ws/camera") as socket:
        yield f"/v1/live/{json.loads(socket.recv(10))['live']}/recording"


def _refused(answer: httpx.Response, *statuses: int) -> None:
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "text", "values"} <= answer.json().keys()
    assert answer.headers["x-content-type-options"] == "nosniff"


_BODIES = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"x"',
    b"NaN",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"title":NaN}',
    b'{"title":null}',
    b'{"title":{}}',
    b'{"title":"\\ud800"}',
    b'{"title":"a\\u0000b"}',
    b'{"title":"\\u001b[31ma\\u0007"}',
    b'{"title":"' + b"x" * 300_000 + b'"}',
    b'{"title":"x","raw_days":' + _HUGE.encode() + b"}",
    b'{"title":"x","raw_days":1e400}',
    b'{"title":"x","raw_days":Infinity}',
    b'{"title":"x","tags":"abc"}',
    b'{"title":"x","tags":["\\u0000"]}',
    b'{"title":"x","purpose":7}',
    b'{"title":"x","clip":"perhaps"}',
    b'{"title":"x","__class__":"y"}',
    b'{"time_s":NaN,"label":"x"}',
    b'{"time_s":-1,"label":"x"}',
    b'{"time_s":1e300,"label":"x"}',
    b'{"time_s":0,"label":"","kind":"point"}',
    b'{"time_s":0,"label":"x","kind":"lost","end_s":-1}',
    b'{"time_s":0,"label":"x","end_s":0}',
    b'{"state":"gone"}',
    b'{"seconds":1e9}',
    b'{"seconds":"ten"}',
]


@pytest.mark.parametrize("body", _BODIES, ids=[body[:40].decode("latin-1") for body in _BODIES])
def test_bodies(server: Served, session: str, recording: str, body: bytes) -> None:
    """At every address that takes one."""
    json_type = {"Content-Type": "application/json"}
    for method, path in (
        ("POST", recording),
        ("PATCH", recording),
        ("POST", f"{recording}/markers"),
        ("POST", f"{recording}/baseline"),
        ("PATCH", f"/v1/sessions/{session}"),
        ("POST", f"/v1/sessions/{session}/markers"),
        ("PATCH", f"/v1/sessions/{session}/markers/1"),
        ("POST", f"/v1/sessions/{session}/markers.csv"),
    ):
        _refused(server.http.request(method, path, content=body, headers=json_type), 400, 404, 409, 422)


def test_a_body_that_is_too_long(server: Served, session: str) -> None:
    """Announced or not, it is refused before it is read as anything."""
    most = Limits().small_body
    for content in (b" " * (most + 1), iter([b" " * most, b" " * 10])):
        _refused(server.http.post(f"/v1/sessions/{session}/markers.csv", content=content), 413)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/sessions/..%2f..%2fetc%2fpasswd",
        "/v1/sessions/%00",
        "/v1/sessions/%25",
        "/v1/sessions/%ff",
        "/v1/sessions/_",
        "/v1/sessions/" + "a" * 5000,
        "/v1/sessions/nosuch1/analysis",
        "/v1/sessions/nosuch1/figures",
        "/v1/sessions/nosuch1/report.html",
        "/v1/sessions/nosuch1/export.csv",
        "/v1/sessions/nosuch1/clip.mp4",
        "/v1/sessions/nosuch1/export.exe",
        "/v1/sessions/SESSION/export.csv?table=../x",
        "/v1/sessions/SESSION/report.docx",
        "/v1/sessions/SESSION/figures?lang=xx",
        "/v1/sessions/SESSION/figures?theme=pink",
        "/v1/sessions/SESSION/analysis?relative=perhaps",
        "/v1/sessions/SESSION/clip.mp4",
        "/v1/sessions?purpose=war",
        "/v1/sessions?search=%00",
        "/v1/sessions?search=" + "a" * 5000,
        "/v1/compare",
        "/v1/compare?a=,&b=,",
        "/v1/compare?a=nosuch1&b=nosuch2",
        "/v1/compare?a=SESSION&b=SESSION",
        "/v1/compare?b=x&a=" + ",".join(str(number) for number in range(1000)),
        "/v1/compare/report.pdf?a=x&b=%00",
        "/v1/hours?tag=%00",
        "/v1/jobs/nosuch",
        "/v1/jobs/..%2f..%2fx",
        "/v1/jobs/%00",
        "/v1/legal?purpose=war",
        "/v1/legal",
        "/v1/live/nosuch/recording",
        "/v1/live/%00/recording",
        "/v1/nothing",
        "/v1/",
    ],
)
def test_addresses(server: Served, session: str, path: str) -> None:
    _refused(server.http.get(path.replace("SESSION", session)), 404, 405, 422)


@pytest.mark.parametrize("marker", ["0", "-1", "x", "1.5", _HUGE, "9223372036854775807", "9223372036854775808"])
def test_marker_numbers(server: Served, session: str, marker: str) -> None:
    path = f"/v1/sessions/{session}/markers/{marker}"
    _refused(server.http.delete(path), 404, 422)
    _refused(server.http.patch(path, json={"label": "x"}), 404, 422)


def test_a_beginning_of_an_id_is_no_id(server: Served, store: Store, session: str) -> None:
    """It would do on the command line, where people type; here the wrong session might go."""
    assert store.session(session[:6]).id == session
    _refused(server.http.delete(f"/v1/sessions/{session[:6]}"), 404)
    _refused(server.http.get(f"/v1/sessions/{session.upper()}"), 404)


def test_methods(server: Served) -> None:
    _refused(server.http.put("/v1/sessions"), 405)
    _refused(server.http.delete("/v1/store"), 405)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_cannot_make_the_api_work(server: Served, site: str) -> None:
    """Not even by a picture whose address is a report; a link may lead to the page."""
    for path in ("/v1/sessions", "/v1/hours"):
        assert server.http.get(path, headers={"Sec-Fetch-Site": site}).status_code == 403
    assert server.http.post("/v1/store/purge", headers={"Origin": "http://example.org"}).status_code == 403
    assert server.http.get("/", headers={"Sec-Fetch-Site": site}).status_code == 200


def test_texts_are_kept_as_they_are(server: Served, session: str) -> None:
    """Markup, formulas, quotes and letters of all kinds."""
    for title in ('<script>alert("x")</script>', "=1+1", "'; DROP TABLE sessions; --", "İıĞğ 🙂", "{place} %s {0}"):
        answer = server.http.patch(f"/v1/sessions/{session}", json={"title": title})
        assert (answer.status_code, answer.json()["title"]) == (200, title)
        assert server.http.get("/v1/sessions").json()["sessions"][0]["title"] == title
        name = server.http.get(f"/v1/sessions/{session}/export.csv").headers["content-disposition"]
        assert name.isascii()
        assert not set(name) & set("<>/\\\r\n{}")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(["title", "purpose", "tags", "consent", "keep_days", "raw_days", "time_s", "label", "end_s"]),
        _JSON,
        max_size=4,
    )
)
def test_any_json_is_taken_or_refused(server: Served, session: str, body: dict[str, Any]) -> None:
    content = json.dumps(body)
    for method, path in (("PATCH", f"/v1/sessions/{session}"), ("POST", f"/v1/sessions/{session}/markers")):
        answer = server.http.request(method, path, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code < 500, answer.text


def test_nothing_reached_the_file_system(server: Served, store: Store, tmp_path: Path) -> None:
    """After all of the above there is no folder but the store's own."""
    beside = {path.name for path in Path(store.clips).parent.iterdir()}
    assert all(name.startswith("sessions") or name == store.clips.name for name in beside), beside

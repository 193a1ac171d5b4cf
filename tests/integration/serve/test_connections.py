"""Clients that hold places without using them, and what is left on disk, against a real server."""

import json
import logging
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mimik.errors import DetectorError, StoreError
from mimik.keys import Keyring
from mimik.report.plotly import PLOTLY
from mimik.serve import Access, create_app
from mimik.serve.limits import Limits
from mimik.store import Store
from mimik.types import Detection, Image
from tests.fakes import FakeDetector, fake_pipeline
from tests.serving import Served, served

pytestmark = pytest.mark.integration

HOST = b"Host: 127.0.0.1\r\n"
FORM = b"Content-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n"
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\nabc'
WHOLE = FILE + b'\r\n--b\r\nContent-Disposition: form-data; name="draft"\r\n\r\n{}\r\n--b--\r\n'


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "sessions.db") as store:
        yield store


def _open(server: Served, beginning: bytes = b"") -> socket.socket:
    host, port = server.address.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), 30)
    connection.sendall(beginning)
    return connection


def _ended(connection: socket.socket) -> bytes:
    """What a connection still gives until the server ends it."""
    given = b""
    try:
        while piece := connection.recv(65536):
            given += piece
    except ConnectionResetError:
        pass
    return given


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _upload(server: Served, data: bytes) -> socket.socket:
    return _open(server, b"POST /v1/jobs HTTP/1.1\r\n" + HOST + FORM + _chunk(data))


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"GET / HTT",
        b"GET / HTTP/1.1\r\n" + HOST,
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\nGET / HTTP/1.1\r\n",
    ],
    ids=["nothing", "half a line", "half a head", "half a second head"],
)
def test_half_a_head_is_not_waited_for(beginning: bytes) -> None:
    """Slowloris."""
    with served(create_app(fake_pipeline(), limits=Limits(head_s=1.5))) as server:
        with _open(server, beginning) as connection:
            given = _ended(connection)
        assert given.count(b"HTTP/1.1") == given.count(b"HTTP/1.1 200 OK") == (1 if b"healthz" in beginning else 0)
        assert server.http.get("/healthz").status_code == 200


def test_bytes_now_and_then_do_not_lengthen_a_heads_time() -> None:
    with (
        served(create_app(fake_pipeline(), limits=Limits(head_s=1))) as server,
        _open(server, b"GET / HTTP/1.1\r\n" + HOST + b"X: ") as connection,
    ):
        for _ in range(100):
            time.sleep(0.1)
            try:
                connection.sendall(b"a")
            except OSError:  # it is gone
                return
    pytest.fail("a head may take 10 s")


def test_a_request_that_takes_its_time_after_its_head_is_answered(store: Store) -> None:
    app = create_app(fake_pipeline(), store=store, limits=Limits(head_s=1.5))
    with served(app) as server, _upload(server, WHOLE) as connection:
        time.sleep(2.5)
        connection.sendall(b"0\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 201")


def test_only_so_many_connections_are_open_at_once() -> None:
    with served(create_app(fake_pipeline(), limits=Limits(connections=8))) as server, ExitStack() as opened:
        kept = [opened.enter_context(_open(server)) for _ in range(8)]
        with _open(server, b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n") as one_more:
            assert _ended(one_more) == b""
        kept[0].sendall(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
        assert kept[0].recv(100).startswith(b"HTTP/1.1 200")


def test_an_answer_that_nobody_reads_is_given_up() -> None:
    """Plotly's script over and over is larger than what the machine keeps for a connection."""
    size, times = PLOTLY.stat().st_size, 20
    with served(create_app(fake_pipeline(), limits=Limits(export_idle_s=0.5))) as server:
        with _open(server, (b"GET /plotly.min.js HTTP/1.1\r\n" + HOST + b"\r\n") * times) as connection:
            time.sleep(3)
            assert len(_ended(connection)) < size * times
        assert server.http.get("/healthz").status_code == 200


def test_an_answer_that_is_read_slowly_arrives() -> None:
    with served(create_app(fake_pipeline(), limits=Limits(export_idle_s=1.5))) as server:
        request = b"GET /plotly.min.js HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
        with _open(server, request) as connection:
            read = 0
            while piece := connection.recv(65536):
                read += len(piece)
                time.sleep(0.06)
            assert read > PLOTLY.stat().st_size


def test_a_video_that_stops_coming_is_given_up(store: Store) -> None:
    with served(create_app(fake_pipeline(), store=store, limits=Limits(upload_idle_s=0.5))) as server:
        with _upload(server, FILE) as connection:
            assert connection.recv(100).startswith(b"HTTP/1.1 408")
        assert _videos(store) == []


def test_what_stands_around_a_video_counts_too(store: Store) -> None:
    with served(create_app(fake_pipeline(), store=store, limits=Limits(upload=10_000))) as server:
        with _upload(server, WHOLE + b"x" * 200_000) as connection:
            assert connection.recv(100).startswith(b"HTTP/1.1 413")
        assert _videos(store) == []


def test_only_so_many_videos_are_taken_at_once(store: Store) -> None:
    with served(create_app(fake_pipeline(), store=store, limits=Limits(uploads=1))) as server:
        files: dict[str, tuple[str | None, str]] = {"file": ("a.mp4", "abc"), "draft": (None, "{}")}
        with _upload(server, FILE):
            while not _videos(store):
                time.sleep(0.01)
            answer = server.http.post("/v1/jobs", files=files)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
        while _videos(store):
            time.sleep(0.01)
        assert server.http.post("/v1/jobs", files=files).status_code == 201


def test_videos_on_their_way_are_their_owners_alone(store: Store) -> None:
    before = os.umask(0)
    try:
        with served(create_app(fake_pipeline(), store=store)) as server, _upload(server, FILE):
            while not _videos(store):
                time.sleep(0.01)
            (video,) = _videos(store)
            modes = [stat.S_IMODE(path.stat().st_mode) for path in (video, video.parent, store.clips)]
            assert modes == [0o600, 0o700, 0o700]
    finally:
        os.umask(before)


def test_what_is_kept_is_not_kept_by_browsers_too(store: Store, tmp_path: Path) -> None:
    """Or by a proxy: the next one at the same machine may be somebody else."""
    with served(create_app(fake_pipeline(), store=store)) as server:
        for path in ("/v1/sessions", "/v1/jobs", "/v1/store", "/v1/sessions/none", "/settings.json", "/metrics"):
            assert server.http.get(path).headers["cache-control"] == "no-store", path
        assert server.http.post("/rekognition", content=b"{}").headers["cache-control"] == "no-store"


def test_others_are_not_told_where_files_lie(store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Only the log says it; at this machine without keys, the page does."""
    (store.clips).write_text("in the folder's place")
    ring = Keyring(tmp_path / "keys.json")
    headers = {"Authorization": f"Bearer {ring.create('Anna', ['sessions'])[1]}"}
    files: dict[str, tuple[str | None, str]] = {"file": ("a.mp4", "abc"), "draft": (None, "{}")}
    for access, told in ((None, True), (Access(ring), False)):
        caplog.clear()
        with served(create_app(fake_pipeline(), store=store, access=access)) as server:
            answer = server.http.post("/v1/jobs", files=files, headers=headers)
        assert answer.status_code == 503
        assert (str(tmp_path) in answer.text) is told
        assert (str(tmp_path) in json.dumps([record.getMessage() for record in caplog.records])) or told


def test_a_failure_is_not_told_to_strangers_in_its_words(tmp_path: Path) -> None:
    """It names files; ``/readyz`` needs no key."""

    class Broken(FakeDetector):
        def detect(self, image: Image) -> tuple[Detection, ...]:
            raise DetectorError("{path}: broken", path=tmp_path / "secret.onnx")

    ring = Keyring(tmp_path / "keys.json")
    ring.create("Anna", ["live"])
    for access, told in ((None, True), (Access(ring), False)):
        pipeline = fake_pipeline()
        pipeline._detector = Broken()
        with served(create_app(pipeline, access=access)) as server:
            while (answer := server.http.get("/readyz")).json()["status"] == "warming up":
                time.sleep(0.01)
        assert (answer.status_code, answer.json()["status"]) == (503, "failed")
        assert ("secret" in answer.text) is told


def test_no_line_is_forged_in_a_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """By line ends, or letters that a terminal obeys, in an address or a header."""

    def away() -> Store:
        raise StoreError("{place}: not to be had", place="somewhere")

    ring, log = Keyring(tmp_path / "keys.json"), tmp_path / "audit.jsonl"
    headers = {"Authorization": f"Bearer {ring.create('Anna', ['all'])[1]}", "User-Agent": "a\x1b[31m"}
    with served(create_app(fake_pipeline(), store=away, access=Access(ring, audit=log))) as server:
        assert server.http.get("/v1/jobs/a%0d%0aFORGED%1b[31m", headers=headers).status_code == 503
    said = [record.getMessage() for record in caplog.records]
    assert any("somewhere" in text for text in said)
    assert not any(letter in text for text in said for letter in "\r\n\x1b")
    assert [json.loads(line)["way"] for line in log.read_text().splitlines()] == ["/v1/jobs/{job}"]


def test_a_tampered_head_hides_no_second_request() -> None:
    """Two lengths, two hosts, or a broken chunk: nothing behind it is read as a request."""
    second = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    heads = (
        b"Content-Length: 0\r\nContent-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Host: evil.example\r\n",
        b"Content-Length: +0\r\n",
        b"X-Y : z\r\n",
        b"X-Y: a\x00b\r\n",
    )
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    try:
        with served(create_app(fake_pipeline())) as server:
            for head in heads:
                with _open(server, b"POST /v1/login HTTP/1.1\r\n" + HOST + head + b"\r\n" + second) as connection:
                    assert b" 200 OK" not in _ended(connection), head
    finally:
        logging.getLogger("uvicorn.error").setLevel(logging.NOTSET)


def _videos(store: Store) -> list[Path]:
    folder = store.clips / "uploads"
    return [path for path in folder.iterdir() if len(path.name) == 16] if folder.is_dir() else []

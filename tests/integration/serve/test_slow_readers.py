"""Clients that ask for a file and do not read it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import pytest

from mimik.serve import create_app
from mimik.serve.limits import Limits
from mimik.store import Draft, SessionState, Store
from tests.fakes import fake_pipeline
from tests.serving import Served, served

pytestmark = pytest.mark.integration

_SIZE = 24 * 1024**2
_STALLED = 8


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "sessions.db") as store:
        yield store


@pytest.fixture
def session(store: Store) -> str:
    session = store.begin(Draft("A session"))
    store.set_state(session.id, SessionState.DONE)
    return session.id


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One entry an export that was begun; each is far larger than what a network holds on the way."""
    found: list[None] = []

    def export(store: Store, session: str, file: IO[bytes], *_: Any) -> None:
        found.append(None)
        for _number in range(_SIZE // 65536):
            file.write(b"x" * 65536)

    monkeypatch.setattr("mimik.store.exchange.export_stream", export)
    return found


def ask(server: Served, session: str) -> socket.socket:
    """Ask for an export, and leave it."""
    host, _, port = server.address.rpartition("/")[2].partition(":")
    client = socket.create_connection((host, int(port)))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.sendall(f"GET /v1/sessions/{session}/export.csv HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    return client


def test_nobody_else_waits_for_them(store: Store, session: str, begun: list[None]) -> None:
    """Twice as many as there are threads for the store; everything but exports goes on."""
    app = create_app(fake_pipeline(), store=store, limits=Limits(exports=4, export_idle_s=600))
    with served(app) as server, ExitStack() as stack:
        for _ in range(_STALLED):
            stack.enter_context(ask(server, session))
        while len(begun) < 4:
            server.http.get("/healthz")
        for path in ("/v1/sessions", f"/v1/sessions/{session}", "/v1/jobs", "/v1/store"):
            assert server.http.get(path, timeout=20).status_code == 200
        assert server.http.post(f"/v1/sessions/{session}/markers", json={"time_s": 0, "label": "a"}).status_code == 201
        assert len(begun) == 4


@pytest.mark.timing  # beside another test the waiting are let go before their export begins
def test_they_are_let_go(store: Store, session: str, begun: list[None]) -> None:
    """Whoever reads gets the whole file, after them."""
    app = create_app(fake_pipeline(), store=store, limits=Limits(exports=2, export_idle_s=1.5))
    with served(app) as server, ExitStack() as stack:
        for _ in range(_STALLED):
            stack.enter_context(ask(server, session))
        while len(begun) < 2:
            server.http.get("/healthz")
        answer = server.http.get(f"/v1/sessions/{session}/export.csv", timeout=60)
        assert len(answer.content) == _SIZE
        assert len(begun) == _STALLED + 1


def test_those_who_go_away_are_not_waited_for(store: Store, session: str, begun: list[None]) -> None:
    app = create_app(fake_pipeline(), store=store, limits=Limits(exports=2, export_idle_s=600))
    with served(app) as server:
        clients = [ask(server, session) for _ in range(_STALLED)]
        while len(begun) < 2:
            server.http.get("/healthz")
        for client in clients:
            client.close()
        assert len(server.http.get(f"/v1/sessions/{session}/export.csv", timeout=60).content) == _SIZE

"""Where the server listens."""

import gc
import socket
from collections.abc import Iterator

import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mimik.errors import ConfigError
from mimik.serve import create_app, serve
from mimik.serve.server import _prepare
from tests.fakes import fake_pipeline
from tests.serving import served


@pytest.fixture
def taken() -> Iterator[int]:
    """A port in use."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.com", "::"])
def test_only_this_machine(host: str) -> None:
    with pytest.raises(ConfigError, match="only this machine"):
        serve(create_app(fake_pipeline()), host)


def test_a_port_asked_for_and_taken_is_an_error(taken: int) -> None:
    with pytest.raises(ConfigError, match=f"Port {taken} is in use.*--port"):
        serve(create_app(fake_pipeline()), port=taken)


def test_the_usual_port_taken_leads_to_the_next(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And people are told."""
    monkeypatch.setattr("mimik.serve.server.DEFAULT_PORT", taken)
    told: list[tuple[str, dict[str, object]]] = []
    _, listening = _prepare(
        create_app(fake_pipeline()), "127.0.0.1", None, False, None, lambda text, values: told.append((text, values))
    )
    with listening:
        port = listening.getsockname()[1]
    assert taken < port < taken + 10
    assert told == [("Port {wanted} is in use; using {port}.", {"wanted": taken, "port": port})]


def test_all_usual_ports_taken(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimik.serve.server.DEFAULT_PORT", taken)
    monkeypatch.setattr("mimik.serve.server._TRIES", 1)
    with pytest.raises(ConfigError, match="all in use"):
        serve(create_app(fake_pipeline()))


def test_what_is_loaded_is_kept_out_of_garbage_collection_while_it_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """And put back afterwards, for whoever calls it from a program of their own."""
    frozen: list[int] = []
    monkeypatch.setattr("mimik.serve.server._Server.run", lambda server, sockets: frozen.append(gc.get_freeze_count()))
    serve(create_app(fake_pipeline()), port=0)
    assert frozen[0] > 10_000
    assert gc.get_freeze_count() == 0


def test_small_answers_are_sent_at_once() -> None:
    """A connection of the server does not wait for the acknowledgement of what it sent before (Nagle's algorithm)."""
    set_on: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        transport = receive.__self__.transport  # type: ignore[attr-defined]
        connection = transport.get_extra_info("socket")
        set_on.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        await Response("x")(scope, receive, send)

    with served(app) as server:
        server.http.get("/")
    assert set_on == [1]

"""Where the server listens."""

import gc
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mimik.errors import ConfigError
from mimik.keys import Keyring
from mimik.serve import Access, create_app, serve
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


@pytest.mark.parametrize("host", ["http://127.0.0.1", "[::2", "nowhere.invalid", "203.0.113.1"])
def test_an_address_that_this_machine_lacks_is_told(host: str, tmp_path: Path) -> None:
    """And not blamed on the port."""
    ring = Keyring(tmp_path / "keys.json")
    ring.create("Anna", ["all"])
    with pytest.raises(ConfigError, match="no such address"):
        serve(create_app(fake_pipeline(), access=Access(ring)), host, 0)


@pytest.mark.parametrize(
    ("host", "names", "opened"),
    [
        ("0.0.0.0", [], "http://127.0.0.1:"),
        ("0.0.0.0", ["faces.example.org"], "http://faces.example.org:"),
        ("127.0.0.1", ["faces.example.org"], "http://127.0.0.1:"),
        ("[::1]", [], "http://[::1]:"),
    ],
)
def test_the_address_that_is_told_can_be_opened(host: str, names: list[str], opened: str, tmp_path: Path) -> None:
    """``0.0.0.0`` is no name under which the server answers."""
    ring = Keyring(tmp_path / "keys.json")
    ring.create("Anna", ["all"])
    told: list[str] = []
    app = create_app(fake_pipeline(), access=Access(ring, frozenset(names)))
    server, listening = _prepare(app, host, 0, False, told.append, lambda text, values: None)
    with listening:
        server._answers()
    assert told[0].startswith(opened)

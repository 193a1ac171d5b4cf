"""A real server in a thread, for tests."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from starlette.types import ASGIApp
from websockets.sync.client import ClientConnection, connect

from mimik.serve.server import Transport, _prepare
from mimik.types import Notice

__all__ = ["Served", "served"]


class Served:
    """A running server.

    Attributes:
        address: ``http://127.0.0.1:port``.
        http: its client.
    """

    def __init__(self, address: str, http: httpx.Client) -> None:
        self.address = address
        self.http = http

    def socket(self, path: str, origin: str | None = None) -> ClientConnection:
        """Open a WebSocket."""
        return connect(
            self.address.replace("http", "ws") + path,
            additional_headers={"Origin": origin} if origin else None,
            open_timeout=30,
        )


@contextmanager
def served(
    app: ASGIApp,
    host: str = "127.0.0.1",
    transport: Transport | None = None,
    verify: ssl.SSLContext | bool = True,
    notice: Notice | None = None,
) -> Iterator[Served]:
    """Serve an application on a free port until left."""
    answers = threading.Event()
    addresses: list[str] = []

    def ready(address: str) -> None:
        addresses.append(address.rstrip("/"))
        answers.set()

    server, listening = _prepare(app, host, 0, False, ready, notice, transport)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="server")
    with listening:
        thread.start()
        try:
            assert answers.wait(20), "the server does not answer"
            address = addresses[0].replace("0.0.0.0", "127.0.0.1")
            with httpx.Client(base_url=address, trust_env=False, timeout=30, verify=verify) as http:
                yield Served(address, http)
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive(), "the server does not stop"

"""Servers behind keys, over TLS or not, for tests of the page."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mimik.keys import Keyring
from mimik.serve import create_app
from mimik.serve.access import Access
from mimik.serve.server import Transport
from mimik.store import Store
from tests.fakes import fake_pipeline
from tests.serving import served

__all__ = ["NAME", "Doors", "certificate", "doors"]

NAME = "mimik.test"
"""A name that the tests' browser finds here and does not take for this machine."""


@dataclass(frozen=True, slots=True)
class Doors:
    """A running server behind keys.

    Attributes:
        port: where it listens.
        keyring: its keys.
        store: its sessions.
        answers: (path, status) of every request and WebSocket so far; a refused WebSocket's close code.
    """

    port: int
    keyring: Keyring
    store: Store
    answers: list[tuple[str, int]]

    def key(self, name: str, *scopes: str) -> str:
        """A new key's token."""
        return self.keyring.create(name, scopes or ("all",))[1]


@contextmanager
def doors(folder: Path, tls: tuple[Path, Path] | None = None) -> Iterator[Doors]:
    """Serve the page to whoever has a key, on a free port until left.

    Args:
        folder: for keys and sessions.
        tls: certificate and key; None: no TLS.
    """
    keyring, answers = Keyring(folder / "keys.json"), list[tuple[str, int]]()
    keyring.create("first", ["metrics"])  # without any, no server starts
    with Store.open(f"sqlite:///{folder / 'sessions.db'}") as store:
        app = create_app(fake_pipeline(), store=store, access=Access(keyring, frozenset({NAME})))
        app.add_middleware(_Listener, answers=answers)
        with served(app, transport=None if tls is None else Transport(*tls)) as server:
            yield Doors(urlsplit(server.address).port or 0, keyring, store, answers)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that nobody vouches for, and its key."""
    made = folder / "certificate.pem", folder / "certificate-key.pem"
    kind = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1"
    named = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},DNS:localhost"]
    files = ["-out", str(made[0]), "-keyout", str(made[1])]
    subprocess.run(["openssl", *kind.split(), *named, *files], check=True, capture_output=True)
    return made


class _Listener:
    def __init__(self, app: ASGIApp, answers: list[tuple[str, int]]) -> None:
        self._app = app
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def note(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                self._answers.append((scope["path"], message["status"]))
            elif message["type"] == "websocket.accept":
                self._answers.append((scope["path"], 101))
            elif message["type"] == "websocket.close":
                self._answers.append((scope["path"], message["code"]))
            await send(message)

        await self._app(scope, receive, note)

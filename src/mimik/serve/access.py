"""Who is let in: callers by their keys or the page's login, and what each route demands of them.

Where no keys are demanded (a server of this machine alone) every connection is the caller ``local``, who may do
everything. Elsewhere what no rule below names is for ``admin`` alone, so that a new route is closed, not open.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mimik.errors import ConfigError
from mimik.keys import SCOPES, Key, Keyring
from mimik.serve.limits import Limits
from mimik.serve.names import host_name
from mimik.serve.problems import ProblemError, answer_problem
from mimik.serve.rates import Rates, network_of

__all__ = [
    "COOKIE",
    "OWN_DOOR",
    "PUBLIC",
    "Access",
    "Caller",
    "Door",
    "Entrance",
    "cookie_name",
    "demanded",
    "is_secure",
    "shown",
]

_log = logging.getLogger(__name__)

PUBLIC: frozenset[str] = frozenset()
"""What `demanded` gives for what needs no key: the page's own files, its words and settings, and the probes."""

OWN_DOOR = frozenset({"own door"})
"""The same for the façades: their clients bring keys in forms of their own, which the façade checks."""

_PUBLIC_PATHS = frozenset(
    {"/", "/healthz", "/readyz", "/settings.json", "/plotly.min.js", "/openapi.json", "/v1/login", "/v1/logout"}
)
_PUBLIC_FOLDERS = ("/page/", "/words/")
_OWN_DOORS = ("/rekognition", "/azure", "/facepp", "/skybiometry")
_PROBES = frozenset({"/healthz", "/readyz"})
_RULES: tuple[tuple[str, frozenset[str]], ...] = (
    ("/v1/analyze", frozenset({"analyze"})),
    ("/v1/stream", frozenset({"analyze"})),
    ("/v1/models", frozenset({"analyze", "live"})),
    ("/v1/sessions", frozenset({"sessions"})),
    ("/v1/jobs", frozenset({"sessions"})),
    ("/v1/compare", frozenset({"sessions"})),
    ("/v1/hours", frozenset({"sessions"})),
    ("/v1/legal", frozenset({"sessions", "live"})),
    ("/v1/live", frozenset({"live"})),
    ("/v1/store", frozenset({"admin"})),
    ("/ws", frozenset({"live"})),
    ("/metrics", frozenset({"metrics"})),
)
_ADMIN = frozenset({"admin"})
_LOGINS_EACH = 20
_RETRY_S = 2

COOKIE = "mimik_login"
"""The page's cookie: a random value that means nothing elsewhere; under TLS with ``__Host-`` before it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        id: of the key; ``local`` where none is demanded.
        name: of the key; for people.
        scopes: what the key is good for.
        address: where from.
    """

    id: str
    name: str
    scopes: frozenset[str]
    address: str


@dataclass(frozen=True, slots=True)
class Access:
    """Who may come in.

    Attributes:
        keyring: the keys that are demanded; None: none are, and only this machine may be served.
        hosts: names under which the server is reached, beside this machine's own.
        audit: the file that says who asked how much; None: none.

    Raises:
        ConfigError: a host is no name.
    """

    keyring: Keyring | None = None
    hosts: frozenset[str] = frozenset()
    audit: Path | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "hosts", frozenset(map(host_name, self.hosts)))

    @property
    def demanded(self) -> bool:
        """Whether keys are."""
        return self.keyring is not None

    def check(self) -> None:
        """See that somebody could come in.

        Raises:
            ConfigError: keys are demanded, and there is no usable one.
        """
        if self.keyring is not None and not any(key.usable() for key in self.keyring.entries()):
            raise ConfigError(
                "There is no usable key in {path}. Make one with `mimik key create --name NAME`, then start again;"
                " for TLS, add --certificate FILE --certificate-key FILE.",
                path=self.keyring.path,
            )


def demanded(method: str, path: str) -> frozenset[str]:
    """The scopes of which a caller must have one: `PUBLIC` where none is needed, `OWN_DOOR` for façades."""
    if path in _PUBLIC_PATHS or path.startswith(_PUBLIC_FOLDERS):
        return PUBLIC
    if _under(path, _OWN_DOORS):
        return OWN_DOOR
    if method == "DELETE" and path == "/v1/sessions":
        return _ADMIN
    return next((scopes for start, scopes in _RULES if _under(path, (start,))), _ADMIN)


def _under(path: str, starts: Collection[str]) -> bool:
    return any(path == start or path.startswith(start + "/") for start in starts)


class Door:
    """Tells callers apart. Safe to use from any thread.

    Args:
        access: who may come in.
        limits: how often.
    """

    def __init__(self, access: Access, limits: Limits) -> None:
        self.access = access
        self._requests = Rates(limits.requests)
        self._refusals = Rates(limits.refusals)
        self._login_s = limits.login_s
        self._places = max(1, limits.waiting // 2)
        self._logins: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._lock = Lock()

    def enter(
        self, connection: HTTPConnection, scopes: frozenset[str], *, token: str | None = None, key: Key | None = None
    ) -> Caller:
        """Let a connection in as its caller.

        Args:
            connection: a request or a WebSocket.
            scopes: of which its key must have one.
            token: a key that came elsewhere than in the headers that all clients may use.
            key: one that was checked already.

        Raises:
            ProblemError: 401 without a key or with a wrong one, 403 where it lacks the scope, 429 where it comes too
                often.
        """
        keyring = self.access.keyring
        if keyring is None:
            return Caller("local", "", frozenset(SCOPES), address_of(connection))
        found = key or self.recognise(connection, token)
        if found is None:
            self._limit(f"address {network_of(address_of(connection))}")
            raise ProblemError(401, "A key is needed. Send it as “Authorization: Bearer KEY”, or log in on the page.")
        self._limit(f"key {found.id}")
        caller = self.caller(connection, found)
        if scopes and scopes.isdisjoint(found.scopes):
            connection.scope.setdefault("state", {})["caller"] = caller  # the audit log tells whose key it was
            raise ProblemError(
                403, "This key is not good for this: it needs the scope {scope}.", scope=" / ".join(sorted(scopes))
            )
        return caller

    @staticmethod
    def caller(connection: HTTPConnection, key: Key) -> Caller:
        """Whoever came by a key that was checked."""
        return Caller(key.id, key.name, frozenset(key.scopes), address_of(connection))

    def recognise(self, connection: HTTPConnection, token: str | None = None) -> Key | None:
        """The key that a connection brings, in a header or through the page's login; None where it brings none.

        Raises:
            ProblemError: 401 with a wrong key, 429 after too many of them.
        """
        assert self.access.keyring is not None
        token = token or _token(connection)
        if token is None:
            return self._logged_in(connection)
        key = self._checked(token)
        if key is None:
            self.refuse(connection)
        return key

    def find(self, id: str) -> Key | None:  # noqa: A002
        """The usable key of an id.

        Raises:
            ProblemError: 503 where keys cannot be read.
        """
        assert self.access.keyring is not None
        try:
            return self.access.keyring.usable(id)
        except ConfigError as error:
            raise _unreadable(error) from error

    def refuse(self, connection: HTTPConnection) -> None:
        """Count a wrong key and refuse it.

        A right key comes in whatever others at its address tried: keys are too long to be guessed, and nobody shall
        lock his neighbours out.

        Raises:
            ProblemError: always, 401 or 429.
        """
        wait_s = self._refusals.take(network_of(address_of(connection)))
        if wait_s:
            raise ProblemError(429, "Too many wrong keys. Try again in {seconds} seconds.", seconds=wait_s)
        raise ProblemError(401, "This key opens nothing: it is wrong, expired or revoked.")

    def holds(self, caller: Caller) -> bool:
        """Whether a caller's key is still usable."""
        if self.access.keyring is None:
            return True
        try:
            return self.find(caller.id) is not None
        except ProblemError:
            return False

    def wait(self) -> None:
        """Take a place of those whose key comes in the body: strangers shall not keep others out with slow bodies.

        Raises:
            ProblemError: 503 where all are taken.
        """
        with self._lock:
            if not self._places:
                raise ProblemError(503, "There is too much to do. Try again in {seconds} seconds.", seconds=_RETRY_S)
            self._places -= 1

    def leave(self) -> None:
        """Give a place back."""
        with self._lock:
            self._places += 1

    def log_in(self, connection: HTTPConnection, token: str) -> tuple[Key, str]:
        """Take a key for a random value that stands for it from now on.

        Raises:
            ProblemError: 401 or 429.
        """
        key = self.recognise(connection, token)
        assert key is not None, "a token was given"
        value = secrets.token_urlsafe(32)
        with self._lock:
            own = [digest for digest, (whose, _) in self._logins.items() if whose == key.id]
            for digest in own[: 1 - _LOGINS_EACH]:  # of this key alone: nobody ends another one's logins
                del self._logins[digest]
            self._logins[_digest(value)] = (key.id, time.monotonic())
        return key, value

    def log_out(self, connection: HTTPConnection) -> None:
        """Forget the login of a connection."""
        with self._lock:
            self._logins.pop(_digest(connection.cookies.get(cookie_name(connection), "")), None)

    def _logged_in(self, connection: HTTPConnection) -> Key | None:
        value = connection.cookies.get(cookie_name(connection))
        if not value or not _same_origin(connection):
            return None
        digest, now_s = _digest(value), time.monotonic()
        with self._lock:
            login = self._logins.pop(digest, None)
            if login is None or now_s - login[1] > self._login_s:
                return None
            self._logins[digest] = (login[0], now_s)
        return self.find(login[0])

    def _checked(self, token: str) -> Key | None:
        assert self.access.keyring is not None
        try:
            return self.access.keyring.check(token)
        except ConfigError as error:
            raise _unreadable(error) from error

    def _limit(self, name: str) -> None:
        wait_s = self._requests.take(name)
        if wait_s:
            raise ProblemError(429, "Too many requests. Try again in {seconds} seconds.", seconds=wait_s)


class Entrance:
    """Puts the caller at ``scope["state"]["caller"]`` and refuses who may not come in.

    On what is public the caller is None where no key came, and in façades until they checked it.

    Args:
        app: what answers the others.
        door: tells callers apart.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        state = scope.setdefault("state", {})
        state["caller"] = None
        try:
            state["caller"] = self._caller(connection)
        except ProblemError as error:
            await _refuse(answer_problem(error), scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._watched(scope, receive, send, state["caller"])
        else:
            await self._app(scope, receive, send)

    def _caller(self, connection: HTTPConnection) -> Caller | None:
        scope, door = connection.scope, self._door
        wanted = demanded(scope.get("method", "GET"), scope["path"])
        if not door.access.demanded or (wanted is not PUBLIC and wanted is not OWN_DOOR):
            return door.enter(connection, wanted)
        if wanted is OWN_DOOR or scope["path"] in _PROBES:
            return None
        try:
            return door.enter(connection, PUBLIC)
        except ProblemError as error:
            if error.status == 429:
                raise
            return None

    async def _watched(self, scope: Scope, receive: Receive, send: Send, caller: Caller) -> None:
        """A WebSocket, which ends when its key does."""
        over = False

        async def end() -> None:
            nonlocal over
            over = True
            await send({"type": "websocket.close", "code": 1008, "reason": "The key was revoked or expired."})

        async def watched_receive() -> Message:
            message = await receive()
            if not over and message["type"] == "websocket.receive" and not self._door.holds(caller):
                await end()
            return {"type": "websocket.disconnect", "code": 1008} if over else message

        async def watched_send(message: Message) -> None:
            if not over and message["type"] == "websocket.send" and not self._door.holds(caller):
                await end()
            if over:
                raise OSError("the key is no longer good")  # to Starlette, a client that went away
            await send(message)

        await self._app(scope, watched_receive, watched_send)


def shown(caller: Caller | Key | None) -> dict[str, object] | None:
    """What the page is told of whoever is logged in."""
    if caller is None:
        return None
    return {"id": caller.id, "name": caller.name, "scopes": [scope for scope in SCOPES if scope in caller.scopes]}


def cookie_name(connection: HTTPConnection) -> str:
    """The name of the page's cookie; browsers let only this very host set one of ``__Host-``."""
    return f"__Host-{COOKIE}" if is_secure(connection) else COOKIE


def address_of(connection: HTTPConnection) -> str:
    """Where a connection comes from; behind a trusted proxy what that says."""
    return "" if connection.client is None else connection.client.host


def is_secure(connection: HTTPConnection) -> bool:
    """Whether a connection is under TLS; behind a trusted proxy what that says."""
    return bool(connection.scope.get("scheme") in ("https", "wss"))


def _token(connection: HTTPConnection) -> str | None:
    kind, _, value = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    return connection.headers.get("x-api-key")


def _same_origin(connection: HTTPConnection) -> bool:
    """Whether the page itself asks. `mimik.serve.guard.Guard` saw to it that an Origin that is there is ours."""
    site = connection.headers.get("sec-fetch-site")
    if site not in (None, "same-origin", "none"):
        return False
    if connection.scope["type"] == "http" and connection.scope["method"] in ("GET", "HEAD"):
        return True
    return "origin" in connection.headers or site == "same-origin"


async def _refuse(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
        return
    await answer(scope, receive, send)


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()


def _unreadable(error: ConfigError) -> ProblemError:
    _log.error("%s", error)
    return ProblemError(503, "The keys cannot be read; the server's log says more.")

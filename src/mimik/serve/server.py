"""Runs the web application: on this machine, or for others where they need keys."""

from __future__ import annotations

import errno
import gc
import ipaddress
import signal
import socket
import ssl
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread, current_thread, main_thread
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from mimik.errors import ConfigError
from mimik.serve.access import Access
from mimik.serve.connections import connection_class
from mimik.serve.guard import is_loopback
from mimik.serve.limits import Limits
from mimik.sources.notices import tell
from mimik.types import Notice

__all__ = ["DEFAULT_PORT", "Transport", "serve"]

DEFAULT_PORT = 8420
_TRIES = 10


@dataclass(frozen=True, slots=True)
class Transport:
    """How a server is reached.

    Attributes:
        certificate: a file in PEM, the server's own certificate first; None: no TLS.
        certificate_key: its private key in PEM; None: in the same file.
        proxies: addresses or networks of proxies whose word on addresses and TLS is taken.
    """

    certificate: Path | None = None
    certificate_key: Path | None = None
    proxies: tuple[str, ...] = ()

    def check(self) -> None:
        """See that it can be used.

        Raises:
            ConfigError: it cannot.
        """
        for proxy in self.proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError:
                raise ConfigError("--behind-proxy {value}: no address or network.", value=proxy) from None
        if self.certificate is None:
            if self.certificate_key is not None:
                raise ConfigError("--certificate-key needs --certificate.")
            return
        _check_pair(self.certificate, self.certificate_key or self.certificate)


def _check_pair(certificate: Path, key: Path) -> None:
    """See that TLS can begin with two files; OpenSSL's own words tell nobody what to do."""
    if b"-----BEGIN CERTIFICATE" not in _content(certificate):
        raise ConfigError("{path}: there is no certificate in it, in PEM.", path=certificate)
    found = _content(key)
    if b"PRIVATE KEY-----" not in found:
        raise ConfigError(
            "{path}: there is no private key in it, in PEM. Name its file with --certificate-key FILE.", path=key
        )
    if b"ENCRYPTED" in found:
        raise ConfigError(
            "{path}: the private key has a password. Take it off with `openssl pkey -in {path} -out key.pem`.", path=key
        )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError) as error:  # ssl's own errors are OSErrors
        raise ConfigError(
            "{certificate} and {key}: no certificate and key that belong together ({detail}).",
            certificate=certificate,
            key=key,
            detail=getattr(error, "reason", None) or error,
        ) from error


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError("{path}: cannot be read ({detail}).", path=path, detail=error.strerror or error) from error


def serve(
    app: ASGIApp,
    host: str = "127.0.0.1",
    port: int | None = None,
    open_browser: bool = False,
    ready: Callable[[str], None] | None = None,
    notice: Notice | None = None,
    transport: Transport | None = None,
) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        app: what `mimik.serve.create_app` made.
        host: a loopback address or ``localhost``; any other address where the application demands keys.
        port: the port; 0: any free one; None: `DEFAULT_PORT`, or one of the nine after it where it is taken.
        open_browser: also show the page.
        ready: called with the page's address once it answers.
        notice: told that another port than `DEFAULT_PORT` was taken, or that there is no TLS; logged where None.
        transport: how it is reached; None: directly, without TLS.

    Raises:
        ConfigError: the host is not this machine and no keys are demanded; they are, and there is none; the
            certificate cannot be used; or no port is to be had.
    """
    server, listening = _prepare(app, host, port, open_browser, ready, notice, transport)
    with listening, suppress(KeyboardInterrupt), _sigterm_as_ctrl_c(), _settled():
        server.run(sockets=[listening])


@contextmanager
def _settled() -> Iterator[None]:
    """Keep what is loaded out of garbage collection: a pass over all of it stops the live view for 0.1 to 0.3 s."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """Let the caller finish: Uvicorn raises the signal that stopped it anew, and SIGTERM's own way is to kill."""
    if current_thread() is not main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _prepare(
    app: ASGIApp,
    host: str,
    port: int | None,
    open_browser: bool,
    ready: Callable[[str], None] | None,
    notice: Notice | None,
    transport: Transport | None = None,
) -> tuple[_Server, socket.socket]:
    transport = transport or Transport()
    transport.check()
    host = host.removeprefix("[").removesuffix("]")  # as an address of IPv6 is written in a browser
    _check_doors(app, host, transport, notice)
    listening = _listen(host, port)
    taken = listening.getsockname()[1]
    if port is None and taken != DEFAULT_PORT:
        tell(notice, "Port {wanted} is in use; using {port}.", wanted=DEFAULT_PORT, port=taken)
    scheme = "http" if transport.certificate is None else "https"
    name = _name(app, host)
    address = f"{scheme}://{f'[{name}]' if ':' in name else name}:{taken}/"
    config = uvicorn.Config(
        app,
        loop="asyncio",  # whether or not uvloop is there, which comes with Ray
        http=connection_class(_limits(app)),
        log_config=None,
        access_log=False,
        proxy_headers=bool(transport.proxies),
        forwarded_allow_ips=list(transport.proxies),
        server_header=False,
        ssl_certfile=transport.certificate,
        ssl_keyfile=transport.certificate_key,
        ws_max_size=_limits(app).frame + 1024,  # a little more, so that the application can say what is wrong
        ws_max_queue=4,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=1,
    )
    return _Server(config, lambda: _announce(address, ready, open_browser)), listening


def _check_doors(app: ASGIApp, host: str, transport: Transport, notice: Notice | None) -> None:
    """See that strangers need a key, wherever they can come from."""
    access: Access | None = getattr(getattr(app, "state", None), "access", None)
    demanded = access is not None and access.demanded
    if not demanded and not is_loopback(host):
        raise ConfigError(
            "{host}: others would reach it there, and nothing keeps strangers out: only this machine may be served"
            " without keys. Use --host 127.0.0.1; or `mimik key create --name NAME`, then `mimik serve`.",
            host=host,
        )
    if not demanded and transport.proxies:
        raise ConfigError("--behind-proxy lets others in: keys must be demanded, too.")
    if access is not None:
        access.check()
    if not is_loopback(host) and transport.certificate is None and not transport.proxies:
        tell(
            notice,
            "Without TLS, keys and faces travel readable for everybody on the way, and browsers give the page no"
            " camera. Add --certificate FILE --certificate-key FILE, or put a proxy before it (docs/server.md).",
        )


def _name(app: ASGIApp, host: str) -> str:
    """What to open in a browser: ``0.0.0.0`` and ``::`` are all of the machine's addresses, and the name of none."""
    try:
        if not ipaddress.ip_address(host).is_unspecified:
            return host
    except ValueError:
        return host
    access: Access | None = getattr(getattr(app, "state", None), "access", None)
    named = sorted(access.hosts) if access is not None else []
    return named[0] if named else "::1" if ":" in host else "127.0.0.1"


def _limits(app: ASGIApp) -> Limits:
    limits: Limits | None = getattr(getattr(app, "state", None), "limits", None)
    return limits or Limits.read()


class _Server(uvicorn.Server):
    """Uvicorn, which says when it answers."""

    def __init__(self, config: uvicorn.Config, answers: Callable[[], None]) -> None:
        super().__init__(config)
        self._answers = answers

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._answers()


def _announce(address: str, ready: Callable[[str], None] | None, open_browser: bool) -> None:
    if ready is not None:
        ready(address)
    if open_browser:  # some browsers return only when they are closed
        Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _listen(host: str, port: int | None) -> socket.socket:
    wanted = range(DEFAULT_PORT, DEFAULT_PORT + _TRIES) if port is None else (port,)
    for number in wanted:
        # asyncio sends small answers at once only over sockets that say that they speak TCP; others wait for 40 ms.
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if sys.platform != "win32":  # where it would let two servers share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, number))
            listening.listen(128)
        except OSError as error:
            listening.close()
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                raise ConfigError(
                    "--host {host}: this machine has no such address. 127.0.0.1 is for this machine alone, 0.0.0.0"
                    " for all its addresses.",
                    host=host,
                ) from error
            if error.errno != errno.EADDRINUSE:
                raise ConfigError(
                    "{host}:{port}: cannot be listened on ({detail}). Choose another with --port, above 1023.",
                    host=host,
                    port=number,
                    detail=error.strerror or error,
                ) from error
        else:
            return listening
    if port is None:
        raise ConfigError(
            "The ports {first} to {last} are all in use. Choose another with --port, or 0 for any free one.",
            first=wanted[0],
            last=wanted[-1],
        )
    raise ConfigError(
        "Port {port} is in use. Stop what uses it, choose another with --port, or 0 for any free one.", port=port
    )

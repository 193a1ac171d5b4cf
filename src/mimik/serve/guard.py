"""Under which names the server may be talked to, and from which pages: those that it served itself.

A page of another site could otherwise open a WebSocket to ``127.0.0.1`` (browsers allow that across sites) or point
its own host name at it (DNS rebinding) and read what the camera shows. A proxy that nobody told of would make every
stranger look like somebody at this machine.
"""

from __future__ import annotations

import ipaddress
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mimik.serve.access import Access

__all__ = ["SECURITY_HEADERS", "Guard", "is_loopback"]

_ELSEWHERE = "This server answers its own pages only.\n"
_UNNAMED = "This server does not go by that name. Whoever runs it can add it with --allow-host NAME.\n"
_FORWARDING = "A proxy stands before this server. Whoever runs it must say so with --behind-proxy ADDRESS.\n"
_FORWARDED = ("forwarded", "x-forwarded-for")
_SAME_FOR_ALL = ("/page/", "/words/")
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::\d{1,5})?")
_SCHEMES = {"ws": "http", "wss": "https"}

_EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
"""The hash of nothing: Plotly adds one empty style element, which it then fills rule by rule through the CSSOM."""

SECURITY_HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' {_EMPTY_STYLE}",
            "img-src 'self' blob: data:",
            "connect-src 'self'",
            "media-src 'self' blob:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), display-capture=()",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def is_loopback(host: str) -> bool:
    """Whether a host name or address, without port, can only mean this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Guard:
    """Turns away requests to other host names and from other origins, and puts `SECURITY_HEADERS` on every answer.

    Args:
        app: what answers the others.
        access: the names that are ours beside this machine's own, and whether strangers must show keys.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                kept = scope["path"] == "/" or scope["path"].startswith(_SAME_FOR_ALL)
                headers.setdefault("Cache-Control", "no-cache" if kept else "no-store")
            await send(message)

        reason = self._reason(scope)
        if reason is None:
            await self._app(scope, receive, send_with_headers)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
        else:
            await PlainTextResponse(reason, 403)(scope, receive, send_with_headers)

    def _reason(self, scope: Scope) -> str | None:
        """Why a connection is turned away; None where it is not."""
        headers, path = Headers(scope=scope), scope["path"]
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or len(origins) > 1:
            return _ELSEWHERE
        named = _HOST.fullmatch(hosts[0])
        if named is None:
            return _ELSEWHERE
        hostname = (named[1] or named[2]).lower()
        if not (is_loopback(hostname) or self._named(hostname, scope)):
            return _UNNAMED if self._access.demanded else _ELSEWHERE
        if not self._access.demanded and any(name in headers for name in _FORWARDED):
            return _FORWARDING
        # A link elsewhere may lead to the page, but no picture or form elsewhere may make the API work.
        if path.startswith("/v1/") and headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return _ELSEWHERE
        own = f"{_SCHEMES.get(scope['scheme'], scope['scheme'])}://{hosts[0]}"
        return None if all(origin == own for origin in origins) else _ELSEWHERE

    def _named(self, hostname: str, scope: Scope) -> bool:
        """Whether the server was given this name, or is reached at this very address.

        An address cannot be rebound; where no keys are demanded only this machine's own counts all the same.
        """
        if not self._access.demanded:
            return False
        server = scope.get("server") or ("", None)
        return hostname.rstrip(".") in self._access.hosts or hostname == str(server[0])

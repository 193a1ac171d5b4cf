"""Who may talk to the server: pages that it served itself, on this machine; and what those pages may do.

A page of another site could otherwise open a WebSocket to ``127.0.0.1`` (browsers allow that across sites) or point
its own host name at it (DNS rebinding) and read what the camera shows.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["SECURITY_HEADERS", "Guard", "is_loopback"]

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
    """Turns away requests from other hosts and origins and puts `SECURITY_HEADERS` on every answer.

    Args:
        app: what answers the others.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        if _is_ours(Headers(scope=scope), scope["path"]):
            await self._app(scope, receive, send_with_headers)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
        else:
            refusal = PlainTextResponse("This server answers its own pages on this machine only.\n", 403)
            await refusal(scope, receive, send_with_headers)


def _is_ours(headers: Headers, path: str) -> bool:
    hosts, origins = headers.getlist("host"), headers.getlist("origin")
    if len(hosts) != 1 or len(origins) > 1:
        return False
    try:
        hostname = urlsplit(f"//{hosts[0]}").hostname or ""
    except ValueError:
        return False
    # A link elsewhere may lead to the page, but no picture or form elsewhere may make the API work.
    if path.startswith("/v1/") and headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return False
    return is_loopback(hostname) and all(origin == f"http://{hosts[0]}" for origin in origins)

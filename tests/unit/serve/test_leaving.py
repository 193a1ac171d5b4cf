"""Clients that leave in the moment in which something is sent to them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from mimik.serve import create_app
from mimik.serve.limits import Limits
from mimik.serve.messages import PICTURE_HEADER
from mimik.types import SourceKind
from tests.fakes import FakeSource, fake_pipeline
from tests.unit.serve.test_analyze import JPEG


async def _visit(app: Callable[..., Any], path: str, sends: int) -> None:
    """A client that offers pictures, and whose connection breaks with so many messages sent to it."""
    left = sends
    pictures = 0

    async def receive() -> dict[str, Any]:
        nonlocal pictures
        if pictures == 0:
            pictures += 1
            return {"type": "websocket.connect"}
        await asyncio.sleep(0.01)
        pictures += 1
        if pictures > 20:
            return {"type": "websocket.disconnect", "code": 1006}
        return {"type": "websocket.receive", "bytes": PICTURE_HEADER.pack(pictures, pictures) + JPEG}

    async def send(message: dict[str, Any]) -> None:
        nonlocal left
        if message["type"] == "websocket.send":
            if left == 0:
                raise OSError("gone")
            left -= 1

    scope = {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "ws",
        "subprotocols": [],
        "state": {},
    }
    await app(scope, receive, send)


@pytest.mark.parametrize("sends", [0, 1, 2])
@pytest.mark.parametrize("path", ["/v1/stream", "/ws/camera", "/ws/source"])
def test_nothing_breaks(path: str, sends: int) -> None:
    """What a route raises, Uvicorn logs as a defect."""
    app = create_app(fake_pipeline(), source=lambda notice: FakeSource(200, 50, SourceKind.LIVE))
    asyncio.run(asyncio.wait_for(_visit(app, path, sends), 20))


@pytest.mark.parametrize("path", ["/v1/stream", "/ws/camera", "/ws/source"])
def test_nothing_breaks_where_there_is_no_place(path: str) -> None:
    app = create_app(
        fake_pipeline(), source=lambda notice: FakeSource(200, 50, SourceKind.LIVE), limits=Limits(streams=1)
    )
    app.state.frame_streams.seats._taken["another"] = 1
    asyncio.run(asyncio.wait_for(_visit(app, path, 0), 20))

"""Whatever is sent to a WebSocket: the server closes it or goes on, writes no traceback, and serves the next one."""

from __future__ import annotations

import json
import logging
import struct
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, example, given, seed, settings
from hypothesis import strategies as some
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from mimik.serve import create_app
from mimik.serve.limits import Limits
from tests.fakes import FakeSource, detection, fake_pipeline
from tests.media import encoded, numbered
from tests.serving import Served, served

pytestmark = pytest.mark.integration

_HEAD = struct.Struct("<Id")
_JPEG = encoded(numbered(3, 160, 96))
_FRAME = _HEAD.pack(1, 0.5) + _JPEG
_KINDS = ("shown", "options", "end", "start", "stop", "hello", "")

_values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_objects = some.builds(
    lambda kind, rest: json.dumps({**rest, "type": kind}),
    some.sampled_from(_KINDS) | _values,
    some.dictionaries(some.sampled_from(["queue", "header", "fps", "index"]) | some.text(max_size=8), _values),
)
_pictures = some.builds(
    lambda head, at, wrong, cut: head + _JPEG[:at] + wrong + _JPEG[at : len(_JPEG) - cut],
    some.just(_HEAD.pack(7, 1.0))
    | some.builds(_HEAD.pack, some.integers(0, 2**32 - 1), some.floats())
    | some.just(b""),
    some.integers(0, len(_JPEG)),
    some.binary(max_size=20),
    some.integers(0, 200),
)
_messages = some.lists(
    some.text(max_size=60) | some.binary(max_size=200) | _objects | _pictures | some.just(_FRAME),
    min_size=1,
    max_size=6,
)


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    """One that shows a source; the camera's and the programs' sockets are there all the same."""
    app = create_app(
        fake_pipeline(detection()),
        source=lambda notice: FakeSource(5),
        limits=Limits.read(streams=64, stream_idle_s=5),
    )
    with served(app) as server:
        yield server


@pytest.mark.parametrize("path", ["/ws/camera", "/ws/source", "/v1/stream"])
def test_a_socket_stands_whatever_it_is_sent(path: str, server: Served, caplog: pytest.LogCaptureFixture) -> None:
    @seed(8420)
    @settings(
        max_examples=120,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(messages=_messages)
    @example(messages=["[" * 100_000])
    @example(messages=['{"type": "options", "queue": 1e400}'])
    @example(messages=["\x00", b"\x00", b""])
    @example(messages=[_HEAD.pack(1, float("nan")) + _JPEG, _HEAD.pack(1, float("-inf")) + _JPEG])
    def attack(messages: list[str | bytes]) -> None:
        with connect(server.address.replace("http", "ws") + path, close_timeout=2, open_timeout=20) as socket:
            try:
                for message in messages:
                    socket.send(message)
                socket.recv(timeout=0.02)
            except (ConnectionClosed, TimeoutError):
                pass

    attack()
    with connect(server.address.replace("http", "ws") + path, open_timeout=20) as socket:
        assert json.loads(socket.recv(timeout=20))["type"] == "hello"
    assert server.http.get("/readyz").status_code == 200
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]

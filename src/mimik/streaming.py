"""The server's WebSocket ``/v1/stream``, as clients see it: what `mimik.Client.stream` and its sister do."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import websockets.asyncio.client
import websockets.sync.client
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from mimik.answers import Sendable, face, read_file, refusal, unreachable
from mimik.errors import ServerError
from mimik.types import Face

__all__ = ["Streamed", "stream", "stream_async"]

_QUEUE = 2
"""Frames that are under way where every one is to be read: one that is read and one that waits for its turn."""

_LIVE_QUEUE = 1
_KEYS = ("authorization", "x-api-key")
_END = '{"type":"end"}'
_Json = Mapping[str, Any]
_Socket = websockets.sync.client.ClientConnection


@dataclass(frozen=True, slots=True, eq=False)
class Streamed:
    """What the server read from one frame of a stream.

    Attributes:
        number: the frame's, as it was given, from 0.
        time_s: seconds from the first frame's arrival to this one's.
        width: pixels; 0 where it could not be read.
        height: pixels; 0 where it could not be read.
        faces: left to right, with the people's numbers; empty where there is none.
        dropped: frames that were passed over since the result before.
        latency_ms: from the frame's arrival at the server to its result.
        error: why the frame could not be read; None where it was.
    """

    number: int
    time_s: float
    width: int
    height: int
    faces: tuple[Face, ...]
    dropped: int
    latency_ms: float
    error: ServerError | None = None


def stream(
    address: str,
    headers: Mapping[str, str],
    frames: Iterable[Sendable],
    live: bool,
    timeout_s: float,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Streamed]:
    """See `mimik.Client.stream`."""
    with ExitStack() as stack:
        try:
            connection = websockets.sync.client.connect(_url(address), **_how(address, headers, timeout_s, tls))
            socket = stack.enter_context(connection)
        except (OSError, InvalidURI, InvalidHandshake) as error:
            raise _failed(address, error) from error
        try:
            hello = _hello(socket.recv(timeout_s))
            socket.send(_options(live))
            yield from (_as_they_come if live else _every_one)(socket, frames, hello, timeout_s)
        except (ConnectionClosed, TimeoutError) as error:
            raise _failed(address, error) from error


def _every_one(socket: _Socket, frames: Iterable[Sendable], hello: _Json, timeout_s: float) -> Iterator[Streamed]:
    pace, under_way = _Pace(hello), 0
    for frame in frames:
        data = _encoded(frame)
        time.sleep(pace.wait_s())
        socket.send(data)
        under_way += 1
        while under_way == _QUEUE and (result := _result(socket.recv(timeout_s))) is not None:
            under_way -= 1
            yield result
    socket.send(_END)
    while (result := _result(socket.recv(timeout_s))) is not None:
        yield result


def _as_they_come(socket: _Socket, frames: Iterable[Sendable], hello: _Json, timeout_s: float) -> Iterator[Streamed]:
    sending = _Sending(socket, frames)
    sending.start()
    try:
        while (result := _result(socket.recv())) is not None:
            yield result
    finally:
        sending.over = True
    if sending.error is not None:
        raise sending.error


async def stream_async(
    address: str,
    headers: Mapping[str, str],
    frames: Iterable[Sendable] | AsyncIterable[Sendable],
    live: bool,
    timeout_s: float,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Streamed]:
    """See `mimik.AsyncClient.stream`."""
    async with AsyncExitStack() as stack:
        try:
            connection = websockets.asyncio.client.connect(_url(address), **_how(address, headers, timeout_s, tls))
            socket = await stack.enter_async_context(connection)
        except (OSError, InvalidURI, InvalidHandshake) as error:
            raise _failed(address, error) from error
        sending: asyncio.Task[None] | None = None
        broken: list[Exception] = []
        try:
            hello = _hello(await asyncio.wait_for(socket.recv(), timeout_s))
            await socket.send(_options(live))
            room = None if live else asyncio.Semaphore(_QUEUE)
            sending = asyncio.create_task(_send(socket, frames, room, _Pace(hello), broken))
            while (result := _result(await socket.recv())) is not None:
                if room is not None:
                    room.release()
                yield result
        except (ConnectionClosed, TimeoutError) as error:
            if broken:
                raise broken[0] from None
            raise _failed(address, error) from error
        finally:
            if sending is not None:
                sending.cancel()
                await asyncio.wait([sending])


async def _send(
    socket: websockets.asyncio.client.ClientConnection,
    frames: Iterable[Sendable] | AsyncIterable[Sendable],
    room: asyncio.Semaphore | None,
    pace: _Pace,
    broken: list[Exception],
) -> None:
    """Send all frames, as there is room for them; what they raise goes into `broken` and ends the stream."""
    try:
        async for frame in _each(frames):
            data = await asyncio.to_thread(_encoded, frame)
            if room is not None:
                await room.acquire()
                await asyncio.sleep(pace.wait_s())
            await socket.send(data)
        await socket.send(_END)
    except ConnectionClosed:
        return  # whoever waits for results learns why
    except Exception as error:
        broken.append(error)
        await socket.close()


class _Sending(threading.Thread):
    """Sends frames as they come, while their results are read in another thread."""

    def __init__(self, socket: _Socket, frames: Iterable[Sendable]) -> None:
        super().__init__(name="mimik-stream", daemon=True)
        self.over = False
        self.error: BaseException | None = None
        self._socket = socket
        self._frames = frames

    def run(self) -> None:
        """Send, then say that it was all."""
        with suppress(ConnectionClosed):
            try:
                for frame in self._frames:
                    if self.over:
                        return
                    self._socket.send(_encoded(frame))
            except ConnectionClosed:
                raise
            except BaseException as error:  # of the caller's frames: raised where the results are read
                self.error = error
            self._socket.send(_END)


class _Pace:
    """Keeps a sender below the rate from which on the server drops frames."""

    def __init__(self, hello: _Json) -> None:
        self._step_s = 1 / float(hello["frames"])
        self._next_s = 0.0

    def wait_s(self) -> float:
        """Seconds until the next frame may be sent."""
        now_s = time.monotonic()
        self._next_s = max(now_s, self._next_s) + self._step_s
        return max(0.0, self._next_s - self._step_s - now_s)


async def _each(frames: Iterable[Sendable] | AsyncIterable[Sendable]) -> AsyncIterator[Sendable]:
    if isinstance(frames, AsyncIterable):
        async for frame in frames:
            yield frame
    else:
        for frame in frames:
            yield frame


def _hello(text: str | bytes) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(text)
    if message["type"] == "error":
        raise refusal(message["problem"], message["problem"]["status"])
    return message


def _result(text: str | bytes) -> Streamed | None:
    """What a message tells of a frame; None at the end."""
    message: dict[str, Any] = json.loads(text)
    if message["type"] == "end":
        return None
    if message["type"] == "error":
        error = refusal(message["problem"], message["problem"]["status"])
        if "number" not in message:
            raise error
        return Streamed(message["number"], 0.0, 0, 0, (), message["dropped"], 0.0, error)
    return Streamed(
        message["number"],
        message["time_s"],
        message["width"],
        message["height"],
        tuple(face(values) for values in message["faces"]),
        message["dropped"],
        message["latency_ms"],
    )


def _encoded(frame: Sendable) -> bytes:
    if isinstance(frame, bytes):
        return frame
    if isinstance(frame, np.ndarray):
        import cv2

        return bytes(cv2.imencode(".jpg", frame)[1].tobytes())
    return read_file(frame)


def _options(live: bool) -> str:
    return json.dumps({"type": "options", "queue": _LIVE_QUEUE if live else _QUEUE})


def _url(address: str) -> str:
    scheme, found, rest = address.rstrip("/").partition("://")
    return f"{'wss' if scheme == 'https' else 'ws'}{found}{rest}/v1/stream"


def _how(address: str, headers: Mapping[str, str], timeout_s: float, tls: ssl.SSLContext | None) -> dict[str, Any]:
    """How to connect: with the key that the client shows, and by no proxy, for the server is near."""
    trusted = {"ssl": tls} if tls is not None and address.startswith("https") else {}
    keys = {name: value for name, value in headers.items() if name.lower() in _KEYS}
    return {"additional_headers": keys, "open_timeout": timeout_s, "compression": None, "proxy": None, **trusted}


def _failed(address: str, error: Exception) -> ServerError:
    if isinstance(error, InvalidStatus):
        with suppress(ValueError, AttributeError):
            return refusal(json.loads(error.response.body), error.response.status_code)
    if isinstance(error, ConnectionClosed) and error.rcvd is not None and error.rcvd.reason:
        return ServerError("{address}: the stream was closed: {detail}", address=address, detail=error.rcvd.reason)
    return unreachable(address, error)

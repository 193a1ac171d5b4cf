"""The visitor's own camera: the page sends pictures, one at a time, and gets a result for each."""

from __future__ import annotations

import asyncio
import io
import math
import time
from collections.abc import Callable
from contextlib import suppress

import cv2
import numpy as np
from anyio import CapacityLimiter, create_task_group, to_thread
from PIL import Image as PillowImage
from starlette.websockets import WebSocket, WebSocketDisconnect

from mimik.errors import MimikError, SourceError
from mimik.pipeline import Pipeline
from mimik.serve.live import Live, LiveStreams
from mimik.serve.messages import PICTURE_HEADER, Message, ResultMessage, error_message, result_message, to_json
from mimik.serve.right_of_way import RightOfWay
from mimik.types import Frame, FrameResult, Image, SourceKind

__all__ = ["MAX_BYTES", "MAX_SIDE", "VisitorCamera", "answer_camera"]

MAX_BYTES = 2 * 1024 * 1024
"""Largest message taken from a page."""

MAX_SIDE = 1920
"""Longest side of a picture taken from a page, in pixels."""

_SOURCE = "visitor's camera"


class VisitorCamera:
    """One visitor's pictures on their way through a pipeline. Not to be shared between visitors.

    Args:
        pipeline: what reads the pictures.
        on_result: called with each result.
    """

    def __init__(self, pipeline: Pipeline, on_result: Callable[[FrameResult], None] | None = None) -> None:
        self._on_result = on_result
        self._stream = pipeline.stream(SourceKind.LIVE)
        self._index = 0
        self._first_s: float | None = None
        self._last_s = 0.0

    def read(self, message: bytes, arrived_s: float) -> ResultMessage:
        """Read one binary message of the page.

        Args:
            message: `PICTURE_HEADER` and a JPEG or WebP.
            arrived_s: `time.perf_counter` at its arrival.

        Raises:
            SourceError: it is too large, or no picture.
        """
        if not PICTURE_HEADER.size < len(message) <= MAX_BYTES:
            raise SourceError(
                "A camera picture of {size} bytes cannot be used; at most {limit} are taken.",
                size=len(message),
                limit=MAX_BYTES,
            )
        number, captured = PICTURE_HEADER.unpack_from(message)
        if not math.isfinite(captured):
            raise SourceError("A camera picture came without a time.")
        image = _decode(message[PICTURE_HEADER.size :])
        if self._first_s is None:
            self._first_s = captured
        # A browser may set its clock back; the stream's time must not run backwards.
        self._last_s = max(self._last_s, captured - self._first_s)
        frame = Frame(image, self._index, self._last_s, arrived_s, _SOURCE)
        self._index += 1
        result = self._stream.process(frame)
        if self._on_result is not None:
            self._on_result(result)
        return result_message(result, number)


async def answer_camera(
    websocket: WebSocket, pipeline: Pipeline, limiter: CapacityLimiter, streams: LiveStreams, right_of_way: RightOfWay
) -> None:
    """Serve one visitor until they leave.

    Args:
        websocket: not yet accepted.
        pipeline: what reads the pictures.
        limiter: how many pictures may be read at once, over all visitors.
        streams: where the visitor's stream is known while they are there.
        right_of_way: what lets live pictures go before the queue's.
    """
    await websocket.accept()
    loop = asyncio.get_running_loop()
    notes: asyncio.Queue[Message] = asyncio.Queue()
    live = Live(_SOURCE, lambda message: _post(loop, notes, message))
    camera = VisitorCamera(pipeline, live.offer)
    streams.add(live)

    def read(message: bytes, arrived_s: float) -> ResultMessage:
        with right_of_way.live():
            return camera.read(message, arrived_s)

    async def tell() -> None:
        with suppress(WebSocketDisconnect):
            while True:
                await websocket.send_text(to_json(await notes.get()))

    try:
        async with create_task_group() as tasks:
            with suppress(WebSocketDisconnect):
                await websocket.send_text(to_json(live.hello))
                tasks.start_soon(tell)
                while (received := await websocket.receive())["type"] != "websocket.disconnect":
                    arrived_s, message = time.perf_counter(), received.get("bytes") or b""
                    try:
                        answer = to_json(await to_thread.run_sync(read, message, arrived_s, limiter=limiter))
                    except MimikError as error:
                        answer = to_json(error_message(error, _number(message)))
                    await websocket.send_text(answer)
            tasks.cancel_scope.cancel()
    finally:
        streams.end_soon(live)


def _post(loop: asyncio.AbstractEventLoop, notes: asyncio.Queue[Message], message: Message) -> None:
    """Hand a message over to the event loop, from any thread."""
    with suppress(RuntimeError):  # the loop is closed: nobody is left to tell
        loop.call_soon_threadsafe(notes.put_nowait, message)


def _number(message: bytes) -> int | None:
    return int.from_bytes(message[:4], "little") if len(message) >= 4 else None


def _decode(data: bytes) -> Image:
    """The picture, after its header alone has shown that it is neither large nor of another kind."""
    try:
        with PillowImage.open(io.BytesIO(data), formats=("JPEG", "WEBP")) as header:
            width, height = header.size
    except (OSError, PillowImage.DecompressionBombError, PillowImage.DecompressionBombWarning) as error:
        raise SourceError("A camera picture could not be read as JPEG or WebP.") from error
    if max(width, height) > MAX_SIDE or min(width, height) < 16:
        raise SourceError(
            "A camera picture of {width} × {height} pixels cannot be used; the longer side may have {limit}.",
            width=width,
            height=height,
            limit=MAX_SIDE,
        )
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise SourceError("A camera picture could not be read as JPEG or WebP.")
    return np.asarray(image, np.uint8)

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
from anyio import create_task_group
from PIL import Image as PillowImage
from prometheus_client import Counter
from starlette.websockets import WebSocket, WebSocketDisconnect

from mimik.errors import MimikError, SourceError
from mimik.pipeline import Pipeline
from mimik.serve.audit import note
from mimik.serve.limits import Limits
from mimik.serve.live import Live, LiveStreams
from mimik.serve.messages import PICTURE_HEADER, Message, error_message, result_message, to_json
from mimik.serve.scheduler import Lane
from mimik.store.values import VISITOR
from mimik.types import Detection, Face, Frame, FrameResult, Image, SourceKind

__all__ = ["Clock", "VisitorCamera", "answer_camera", "decode_frame"]


class VisitorCamera:
    """One visitor's pictures on their way through a pipeline. Not to be shared between visitors.

    Args:
        pipeline: what reads the pictures.
        limits: how large they may be.
        on_result: called with each result.
    """

    def __init__(
        self, pipeline: Pipeline, limits: Limits, on_result: Callable[[FrameResult], None] | None = None
    ) -> None:
        self._limits = limits
        self._on_result = on_result
        self._stream = pipeline.stream(SourceKind.LIVE)
        self._clock = Clock()
        self._index = 0

    def frame(self, message: bytes, arrived_s: float) -> Frame:
        """Decode one binary message of the page.

        Args:
            message: `PICTURE_HEADER` and a JPEG or WebP.
            arrived_s: `time.perf_counter` at its arrival.

        Raises:
            SourceError: it is too large, or no picture.
        """
        if not PICTURE_HEADER.size < len(message) <= self._limits.frame:
            raise SourceError(
                "A camera picture of {size} bytes cannot be used; at most {limit} are taken.",
                size=len(message),
                limit=self._limits.frame,
            )
        _, captured = PICTURE_HEADER.unpack_from(message)
        if not math.isfinite(captured):
            raise SourceError("A camera picture came without a time.")
        image = decode_frame(message[PICTURE_HEADER.size :], self._limits.frame_side)
        frame = Frame(image, self._index, self._clock.since_first(captured), arrived_s, VISITOR)
        self._index += 1
        return frame

    def find(self, frame: Frame) -> tuple[Detection, ...]:
        """Where the faces of the next frame are."""
        return self._stream.find(frame)

    def place(self, frame: Frame, faces: tuple[Face, ...]) -> FrameResult:
        """The result of a frame, given the faces that `Pipeline.read_found` read."""
        result = self._stream.place(frame, faces)
        if self._on_result is not None:
            self._on_result(result)
        return result


class Clock:
    """A sender's clock, from its first picture on. It may be set back; the stream's time must not run backwards."""

    def __init__(self) -> None:
        self._first_s: float | None = None
        self._last_s = 0.0

    def since_first(self, time_s: float) -> float:
        """Seconds since the first picture, never less than before."""
        if self._first_s is None:
            self._first_s = time_s
        self._last_s = max(self._last_s, time_s - self._first_s)
        return self._last_s


async def answer_camera(
    websocket: WebSocket, pipeline: Pipeline, lane: Lane, streams: LiveStreams, limits: Limits, failed: Counter
) -> None:
    """Serve one visitor until they leave.

    Args:
        websocket: not yet accepted.
        pipeline: what reads the pictures.
        lane: the visitor's place among all who have pictures to be read.
        streams: where the visitor's stream is known while they are there.
        limits: how large pictures may be.
        failed: counts those that cannot be read.
    """
    await websocket.accept()
    loop = asyncio.get_running_loop()
    notes: asyncio.Queue[Message] = asyncio.Queue()
    live = Live(VISITOR, lambda message: _post(loop, notes, message))

    def take(result: FrameResult) -> None:
        note(websocket, 1, len(result.faces))
        live.offer(result)

    camera = VisitorCamera(pipeline, limits, take)
    streams.add(live)

    try:
        async with create_task_group() as tasks:

            async def tell() -> None:
                with suppress(WebSocketDisconnect):
                    while True:
                        await websocket.send_text(to_json(await notes.get()))
                tasks.cancel_scope.cancel()  # what is sent after this would be a defect

            with suppress(WebSocketDisconnect):
                await websocket.send_text(to_json(live.hello))
                tasks.start_soon(tell)
                while (received := await websocket.receive())["type"] != "websocket.disconnect":
                    arrived_s, message = time.perf_counter(), received.get("bytes") or b""
                    try:
                        answer = await _read(camera, lane, message, arrived_s)
                    except MimikError as error:
                        failed.inc()
                        answer = to_json(error_message(error, _number(message)))
                    await websocket.send_text(answer)
            tasks.cancel_scope.cancel()
    finally:
        lane.close()
        streams.end_soon(live)


async def _read(camera: VisitorCamera, lane: Lane, message: bytes, arrived_s: float) -> str:
    frames: list[Frame] = []

    def frame() -> Frame:
        frames.append(camera.frame(message, arrived_s))
        return frames[0]

    def finish(faces: tuple[Face, ...]) -> str:
        return to_json(result_message(camera.place(frames[0], faces), _number(message)))

    return await lane.read(frame, finish, camera.find)


def _post(loop: asyncio.AbstractEventLoop, notes: asyncio.Queue[Message], message: Message) -> None:
    """Hand a message over to the event loop, from any thread."""
    with suppress(RuntimeError):  # the loop is closed: nobody is left to tell
        loop.call_soon_threadsafe(notes.put_nowait, message)


def _number(message: bytes) -> int | None:
    return int.from_bytes(message[:4], "little") if len(message) >= 4 else None


def decode_frame(data: bytes, side: int) -> Image:
    """A JPEG or WebP, after its header alone has shown that it is neither large nor of another kind.

    Args:
        data: the file.
        side: most pixels that its longer side may have.

    Returns:
        ``(H, W, 3)`` uint8, BGR, as it is stored: frames of cameras are not turned.

    Raises:
        SourceError: it is no such picture.
    """
    try:
        with PillowImage.open(io.BytesIO(data), formats=("JPEG", "WEBP")) as header:
            width, height = header.size
    except (OSError, PillowImage.DecompressionBombError, PillowImage.DecompressionBombWarning) as error:
        raise SourceError("A camera picture could not be read as JPEG or WebP.") from error
    if max(width, height) > side or min(width, height) < 16:
        raise SourceError(
            "A camera picture of {width} × {height} pixels cannot be used; the longer side may have {limit}.",
            width=width,
            height=height,
            limit=side,
        )
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise SourceError("A camera picture could not be read as JPEG or WebP.")
    return np.asarray(image, np.uint8)

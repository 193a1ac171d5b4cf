"""The API of streams: WebSocket ``/v1/stream`` takes a client's frames and gives a result for each that it reads.

The client may first send ``{"type": "options", …}`` (`OptionsIn`), then frames as binary messages, at last
``{"type": "end"}``. It is sent a hello, results and errors in the order of its frames, and after its end how many
there were of each. docs/api.md tells the fields.

No frame waits beyond `OptionsIn.queue`: the oldest gives way to the newest and is counted. While a client does not
read its results, its frames are passed over too, so that nothing piles up here; after a while it is closed.
"""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Literal

from anyio import create_task_group
from fastapi import APIRouter, WebSocket
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.websockets import WebSocketDisconnect

from mimik.pipeline import Pipeline
from mimik.serve.analyze import faces_json
from mimik.serve.audit import note
from mimik.serve.limits import Limits
from mimik.serve.messages import PICTURE_HEADER
from mimik.serve.metrics import Metrics
from mimik.serve.problems import ProblemError, as_problem, validated
from mimik.serve.scheduler import Lane, Scheduler
from mimik.serve.schemas import to_text
from mimik.serve.seats import Seats, close_reason, trouble
from mimik.serve.visitor import Clock, decode_frame
from mimik.sinks.rows import SCHEMA_VERSION
from mimik.types import Detection, Face, Frame, Image, SourceKind

__all__ = ["EndIn", "OptionsIn", "Streams", "router"]

_WAY = "stream"
_UNSENT = 8
"""Results that may wait to be sent; while there are more, frames are passed over."""

_CLOSED_ENDED = 1000
_CLOSED_POLICY = 1008
_CLOSED_TOO_BIG = 1009
_GOODBYE_S = 10.0
"""How long a client that does not read may take to learn why its stream ends."""

router = APIRouter()


class OptionsIn(BaseModel):
    """How a client wants its stream, sent before the first frame."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    type: Literal["options"]
    queue: int = Field(default=1, ge=1, le=8, description="Frames that may wait; 1: the newest wins.")
    header: bool = Field(
        default=False,
        description="In front of each frame stand its number (uint32) and time in seconds (float64), little-endian.",
    )


class EndIn(BaseModel):
    """No frame follows."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    type: Literal["end"]


_TEXT: TypeAdapter[OptionsIn | EndIn] = TypeAdapter(Annotated[OptionsIn | EndIn, Field(discriminator="type")])


@dataclass(frozen=True, slots=True)
class Streams:
    """What all streams of a server share.

    Attributes:
        pipeline: reads the frames.
        scheduler: whose frame is next.
        seats: how many streams there may be.
        metrics: where they are counted.
        limits: how much is taken.
    """

    pipeline: Pipeline
    scheduler: Scheduler
    seats: Seats
    metrics: Metrics
    limits: Limits


@router.websocket("/v1/stream")
async def stream(websocket: WebSocket) -> None:
    """Read a client's frames until it leaves."""
    streams: Streams = websocket.app.state.frame_streams
    async with streams.seats.seat(websocket) as seated:
        if seated:
            await _Exchange(websocket, streams).run()


class _Exchange:
    """One client's stream. But for what `_FrameWork` calls, it lives in the event loop."""

    def __init__(self, websocket: WebSocket, streams: Streams) -> None:
        self._websocket = websocket
        self._streams = streams
        self._limits = streams.limits
        self._loop = asyncio.get_running_loop()
        self._options = OptionsIn(type="options")
        self._lane: Lane = streams.scheduler.lane(queued=streams.metrics.queued.labels(_WAY))
        self._outbox: asyncio.Queue[str | _Close] = asyncio.Queue()
        self._rate = _Rate(self._limits.frames)
        self._clock = Clock()
        self._frames = self._under_way = self._read = self._failed = 0
        self._ended = False
        # Used by one thread of the scheduler at a time.
        self.follower = streams.pipeline.stream(SourceKind.LIVE)
        self._last_place = -1

    async def run(self) -> None:
        """Accept, and go on until either side has enough."""
        await self._websocket.accept()
        self._outbox.put_nowait(to_text(self._hello()))
        try:
            async with create_task_group() as tasks:

                async def send() -> None:
                    await self._send()
                    tasks.cancel_scope.cancel()

                tasks.start_soon(send)
                if await self._receive():
                    tasks.cancel_scope.cancel()
        finally:
            self._streams.metrics.dropped.labels(_WAY).inc(self._lane.close())

    def _hello(self) -> dict[str, object]:
        return {
            "type": "hello",
            "schema_version": SCHEMA_VERSION,
            "model": self._streams.pipeline.model,
            "attributes": self._streams.pipeline.attributes,
            "frame": self._limits.frame,
            "frame_side": self._limits.frame_side,
            "frames": self._limits.frames,
        }

    async def _receive(self) -> bool:
        """Take messages; returns whether the client has left, else it is to be told why it must."""
        idle_s = self._limits.stream_idle_s
        try:
            async with asyncio.timeout(idle_s) as patience:
                while (message := await self._websocket.receive())["type"] != "websocket.disconnect":
                    data = message.get("bytes")
                    if data is None:
                        self._take_text(message.get("text") or "")
                    elif len(data) > self._limits.frame:
                        problem = ProblemError(
                            413, "More than {limit} bytes were sent, which is too much.", limit=self._limits.frame
                        )
                        self._close(_CLOSED_TOO_BIG, problem)
                        return False
                    elif not self._ended:
                        self._take_frame(data)
                        patience.reschedule(self._loop.time() + idle_s)
        except TimeoutError:
            self._close(
                _CLOSED_POLICY, ProblemError(408, "No frame came for {seconds} seconds.", seconds=f"{idle_s:g}")
            )
            return False
        return True

    def _take_text(self, text: str) -> None:
        try:
            message = _TEXT.validate_json(text)
            if isinstance(message, EndIn):
                self._ended = True
                self._end_if_done()
            elif self._frames:
                raise ProblemError(409, "Options come before the first frame.")
            else:
                self._options = message
                self._lane.resize(message.queue)
        except ValidationError as error:
            self._complain(validated(error))
        except ProblemError as error:
            self._complain(error)

    def _complain(self, error: ProblemError) -> None:
        if self._outbox.qsize() < _UNSENT:
            self._outbox.put_nowait(to_text(trouble(error)))

    def _take_frame(self, data: bytes) -> None:
        arrived_s, place = time.perf_counter(), self._frames
        self._frames += 1
        number, time_s = place, arrived_s
        if self._options.header:
            number, time_s = _header(data, place)
            data = data[PICTURE_HEADER.size :]
        if math.isfinite(time_s):
            time_s = self._clock.since_first(time_s)
        too_much = not self._rate.allows(arrived_s) or self._outbox.qsize() >= _UNSENT
        if too_much or self._lane.offer(_FrameWork(self, data, place, number, time_s, arrived_s)):
            self._streams.metrics.dropped.labels(_WAY).inc()
        else:
            self._under_way += 1

    def decode(self, data: bytes) -> Image:
        """A frame's pixels."""
        return decode_frame(data, self._limits.frame_side)

    def tell(self, work: _FrameWork, faces: tuple[Face, ...]) -> None:
        """Tell of a frame that was read; called by the scheduler's threads."""
        assert work.decoded is not None
        result = self.follower.place(work.decoded, faces, self._passed_over(work.place))
        height, width = result.frame.image.shape[:2]
        message = {
            "type": "result",
            "number": work.number,
            "time_s": round(result.frame.time_s, 6),
            "width": width,
            "height": height,
            "faces": faces_json(result, self._streams.pipeline.attributes, tracked=True),
            "dropped": result.dropped,
            "latency_ms": round(result.latency_ms, 1),
        }
        text = to_text(message)  # from here on it counts as read
        self._streams.metrics.read(_WAY, (result,), result.latency_ms / 1000)
        note(self._websocket, 1, len(result.faces))
        self._post(text, True)

    def tell_failure(self, work: _FrameWork, error: Exception) -> None:
        """Tell of a frame that could not be read; called by the scheduler's threads."""
        self._streams.metrics.failed.labels(_WAY).inc()
        problem = as_problem(error)
        message = trouble(problem, number=work.number, dropped=self._passed_over(work.place))
        self._post(to_text(message), False)

    def _passed_over(self, place: int) -> int:
        """How many frames were passed over between the last one that was told of and this one."""
        passed_over = max(0, place - self._last_place - 1)
        self._last_place = max(place, self._last_place)
        return passed_over

    def _post(self, text: str, read: bool) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is left to tell
            self._loop.call_soon_threadsafe(self._told, text, read)

    def _told(self, text: str, read: bool) -> None:
        self._under_way -= 1
        self._read += read
        self._failed += not read
        self._outbox.put_nowait(text)
        self._end_if_done()

    def _end_if_done(self) -> None:
        if not self._ended or self._under_way:
            return
        dropped = self._frames - self._read - self._failed
        counts = {"frames": self._frames, "read": self._read, "failed": self._failed, "dropped": dropped}
        self._outbox.put_nowait(to_text({"type": "end", **counts}))
        self._outbox.put_nowait(_Close(_CLOSED_ENDED, ""))

    def _close(self, code: int, problem: ProblemError) -> None:
        self._outbox.put_nowait(to_text(trouble(problem)))
        self._outbox.put_nowait(_Close(code, close_reason(problem)))

    async def _send(self) -> None:
        """Send what is in the outbox, until it says to close."""
        slow_s = self._limits.stream_slow_s
        with suppress(WebSocketDisconnect):
            while True:
                item = await self._outbox.get()
                if isinstance(item, _Close):
                    break
                try:
                    async with asyncio.timeout(slow_s):
                        await self._websocket.send_text(item)
                except TimeoutError:
                    problem = ProblemError(408, "No result was read for {seconds} seconds.", seconds=f"{slow_s:g}")
                    item = _Close(_CLOSED_POLICY, close_reason(problem))
                    break
            with suppress(TimeoutError):
                async with asyncio.timeout(_GOODBYE_S):
                    await self._websocket.close(item.code, item.reason)


@dataclass(frozen=True, slots=True)
class _Close:
    """What ends a stream."""

    code: int
    reason: str


class _FrameWork:
    """A frame on its way through the scheduler."""

    alone = False

    def __init__(
        self, exchange: _Exchange, data: bytes, place: int, number: int, time_s: float, arrived_s: float
    ) -> None:
        self.place = place
        self.number = number
        self.decoded: Frame | None = None
        self._exchange = exchange
        self._data = data
        self._time_s = time_s
        self._arrived_s = arrived_s

    def frame(self) -> Frame:
        if not math.isfinite(self._time_s):
            raise ProblemError(422, "A camera picture came without a time.")
        image = self._exchange.decode(self._data)
        self.decoded = Frame(image, self.place, self._time_s, self._arrived_s, _WAY)
        return self.decoded

    def find(self, frame: Frame) -> tuple[Detection, ...]:
        return self._exchange.follower.find(frame)

    def finish(self, faces: tuple[Face, ...]) -> None:
        self._exchange.tell(self, faces)

    def fail(self, error: Exception) -> None:
        self._exchange.tell_failure(self, error)


class _Rate:
    """How many frames a second are let through, those of one second at once."""

    def __init__(self, frames: float) -> None:
        self._frames = frames
        self._most = max(1.0, frames)
        self._left = self._most
        self._last_s = time.perf_counter()

    def allows(self, now_s: float) -> bool:
        self._left = min(self._most, self._left + (now_s - self._last_s) * self._frames)
        self._last_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


def _header(data: bytes, place: int) -> tuple[int, float]:
    """A frame's number and time as its client gave them; no time where there is no header."""
    if len(data) < PICTURE_HEADER.size:
        return place, math.nan
    number, time_s = PICTURE_HEADER.unpack_from(data)
    return number, time_s

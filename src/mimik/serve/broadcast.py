"""The server's source, shown to every viewer: pictures at the camera's rate, results as they come."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio
import cv2
import numpy as np
from anyio import to_thread
from starlette.websockets import WebSocket, WebSocketDisconnect

from mimik.errors import MimikError, SourceError
from mimik.pipeline import Pipeline, Stream
from mimik.realtime import Realtime
from mimik.serve.live import Live, LiveStreams
from mimik.serve.messages import (
    IN_FLIGHT,
    PICTURE_HEADER,
    EndedMessage,
    Message,
    error_message,
    notice_message,
    result_message,
    statistics_message,
    to_json,
)
from mimik.serve.right_of_way import RightOfWay
from mimik.sources import Paced
from mimik.types import Frame, FrameResult, Notice, Source, SourceKind

__all__ = ["Broadcast"]

_log = logging.getLogger(__name__)
_LONG_SIDE = 1280
_JPEG_QUALITY = 82
_STOP_S = 1.0


class _Viewer:
    """What waits for one viewer: the newest picture and result only, so that a slow viewer never lags behind."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self.picture: bytes | None = None
        self.result: str | None = None
        self.notes: deque[str] = deque(maxlen=16)
        self.in_flight = 0
        self.over = False

    async def send(self, websocket: WebSocket) -> None:
        """Send what comes until the source is over."""
        while True:
            await self.news.wait()
            self.news.clear()
            if self.result is not None:
                text, self.result = self.result, None
                await websocket.send_text(text)
            if self.picture is not None and self.in_flight < IN_FLIGHT:
                picture, self.picture = self.picture, None
                self.in_flight += 1
                await websocket.send_bytes(picture)
            while self.notes:
                await websocket.send_text(self.notes.popleft())
            if self.over and not self.notes:
                return

    async def receive(self, websocket: WebSocket) -> None:
        """Count the pictures that the viewer has seen, until they leave."""
        while (await websocket.receive())["type"] != "websocket.disconnect":
            self.in_flight = max(0, self.in_flight - 1)
            self.news.set()


class _Run:
    """One run of the source from its start to its end. Its two threads hand messages to the event loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_result: Callable[[FrameResult], None] | None,
        streams: LiveStreams,
        right_of_way: RightOfWay,
    ) -> None:
        self.viewers: set[_Viewer] = set()
        self.over = False
        self.live: Live | None = None
        self._streams = streams
        self._right_of_way = right_of_way
        self._loop = loop
        self._on_result = on_result
        self._realtime: Realtime | None = None
        self._threads = [
            threading.Thread(target=work, name=f"mimik-{name}", daemon=True)
            for name, work in (("pictures", self._show), ("results", self._tell))
        ]

    def start(self, open_source: Callable[[Notice], Source], pipeline: Pipeline) -> None:
        """Open the source, which may take a while, and start to read it.

        Raises:
            SourceError: it cannot be opened.
        """
        source = open_source(lambda text, values: self._publish(notice_message(text, values)))
        if source.kind is not SourceKind.LIVE:
            source = Paced(source)
        self.live = Live(source.name, self._publish)
        self._streams.add(self.live)
        self._realtime = Realtime(source, _Preferred(pipeline.stream(SourceKind.LIVE), self._right_of_way))
        self._realtime.__enter__()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the run; returns when its threads have ended, or are found to hang."""
        if self._realtime is not None:
            closing = threading.Thread(target=self._realtime.__exit__, args=(None, None, None), daemon=True)
            closing.start()
            closing.join(_STOP_S)

    def _show(self) -> None:
        assert self._realtime is not None
        told = time.monotonic()
        end: Message = EndedMessage()
        try:
            for frame, _ in self._realtime.frames():
                if self.viewers:
                    self._call(self._offer_picture, _encode(frame))
                if time.monotonic() - told >= 1:
                    told = time.monotonic()
                    self._publish(statistics_message(self._realtime.statistics()))
        except MimikError as error:
            end = error_message(error)
        except Exception:  # a defect: the log gets all of it, the viewers that there was one
            _log.exception("The source's pictures cannot be shown any more")
            end = error_message(SourceError("Something broke inside Mimik; its log says more. Start it again."))
        self._threads[1].join(_STOP_S)  # the last result goes out before the end is told
        if self.live is not None:
            self.live.end()
            self._streams.remove(self.live)
        self._publish(end)
        self._call(self._finish)

    def _tell(self) -> None:
        assert self._realtime is not None
        assert self.live is not None
        on_result = self._on_result
        try:
            for result in self._realtime.results():
                self._call(self._offer_result, to_json(result_message(result)))
                self.live.offer(result)
                if on_result is not None:
                    try:
                        on_result(result)
                    except MimikError as error:
                        on_result = None
                        self._publish(notice_message(error.text, error.values))
        except MimikError as error:
            _log.debug("told by the thread that shows the pictures: %s", error)
        except Exception:
            _log.exception("The source's results cannot be told any more")

    def _call(self, work: Callable[..., None], *values: object) -> None:
        try:
            self._loop.call_soon_threadsafe(work, *values)
        except RuntimeError:  # the loop is closed: nobody is left to tell
            _log.debug("no event loop for %s", work.__name__)

    def _publish(self, message: Message) -> None:
        self._call(self._offer_note, to_json(message))

    def _offer_note(self, text: str) -> None:
        for viewer in self.viewers:
            viewer.notes.append(text)
            viewer.news.set()

    def _offer_picture(self, picture: bytes) -> None:
        for viewer in self.viewers:
            viewer.picture = picture
            viewer.news.set()

    def _offer_result(self, text: str) -> None:
        for viewer in self.viewers:
            viewer.result = text
            viewer.news.set()

    def _finish(self) -> None:
        self.over = True
        for viewer in self.viewers:
            viewer.over = True
            viewer.news.set()


class Broadcast:
    """Runs a source from the first viewer's start to the last one's leaving.

    Args:
        pipeline: what reads the frames.
        source: opens the source, given whom to tell of trouble, each time that it is started; or an open source,
            which then runs once and goes on without viewers.
        on_result: called with every result, in a thread of its own.
        streams: where the run is known as a live stream, all viewers' one; None: of its own.
        right_of_way: what lets live frames go before the queue's; None: of its own.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        source: Callable[[Notice], Source] | Source,
        on_result: Callable[[FrameResult], None] | None = None,
        streams: LiveStreams | None = None,
        right_of_way: RightOfWay | None = None,
    ) -> None:
        self._streams = streams or LiveStreams()
        self._right_of_way = right_of_way or RightOfWay()
        self._pipeline = pipeline
        self.name = source.name if isinstance(source, Source) else None
        self._goes_on = isinstance(source, Source)
        self._open: Callable[[Notice], Source] = _Once(source) if isinstance(source, Source) else source
        self._on_result = on_result
        self._lock = anyio.Lock()
        self._run: _Run | None = None

    async def answer(self, websocket: WebSocket) -> None:
        """Serve one viewer until they leave or the source is over.

        Args:
            websocket: not yet accepted.
        """
        await websocket.accept()
        viewer = _Viewer()
        try:
            run = await self._join(viewer)
        except MimikError as error:
            with suppress(WebSocketDisconnect):
                await websocket.send_text(to_json(error_message(error)))
                await websocket.close()
            return
        try:
            try:
                await self._greet(websocket, run)
            except WebSocketDisconnect:
                return  # and nothing is sent again, which would be a defect
            async with anyio.create_task_group() as tasks:

                async def until(work: Callable[[WebSocket], Awaitable[None]]) -> None:
                    with suppress(WebSocketDisconnect):
                        await work(websocket)
                    tasks.cancel_scope.cancel()

                tasks.start_soon(until, viewer.send)
                tasks.start_soon(until, viewer.receive)
            if viewer.over:
                with suppress(WebSocketDisconnect, RuntimeError):  # the viewer may have left in the same moment
                    await websocket.close()
        finally:
            run.viewers.discard(viewer)
            if not run.viewers and not self._goes_on:
                with anyio.CancelScope(shield=True):
                    await self._end(run)

    async def _greet(self, websocket: WebSocket, run: _Run) -> None:
        live = run.live
        assert live is not None
        await websocket.send_text(to_json(live.hello))
        if live.recording is not None:
            await websocket.send_text(to_json(live.recording.message()))

    async def close(self) -> None:
        """End the run, if there is one."""
        if self._run is not None:
            await self._end(self._run)

    async def _join(self, viewer: _Viewer) -> _Run:
        async with self._lock:
            run = self._run
            if run is None or run.over:
                if run is not None:  # a camera must be let go before it can be opened again
                    await to_thread.run_sync(run.stop)
                run = _Run(asyncio.get_running_loop(), self._on_result, self._streams, self._right_of_way)
                run.viewers.add(viewer)
                await to_thread.run_sync(run.start, self._open, self._pipeline, abandon_on_cancel=True)
                self._run = run
            run.viewers.add(viewer)
            return run

    async def _end(self, run: _Run) -> None:
        async with self._lock:
            if run is self._run and run.viewers and not run.over:
                return  # somebody came while the lock was awaited
            if run is self._run:
                self._run = None
            await to_thread.run_sync(run.stop)


class _Preferred:
    """A stream whose frames go before the queue's."""

    def __init__(self, stream: Stream, right_of_way: RightOfWay) -> None:
        self._stream = stream
        self._right_of_way = right_of_way

    def process(self, frame: Frame, dropped: int = 0) -> FrameResult:
        with self._right_of_way.live():
            return self._stream.process(frame, dropped)


class _Once:
    """An open source in place of what opens one."""

    def __init__(self, source: Source) -> None:
        self._source: Source | None = source

    def __call__(self, notice: Notice) -> Source:
        source, self._source = self._source, None
        if source is None:
            raise SourceError("The source has come to its end. Start Mimik again to see it once more.")
        return source


def _encode(frame: Frame) -> bytes:
    image = frame.image
    shrink = _LONG_SIDE / max(image.shape[:2])
    if shrink < 1:
        image = np.asarray(cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8)
    _, jpeg = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
    return PICTURE_HEADER.pack(frame.index & 0xFFFFFFFF, frame.time_s) + jpeg.tobytes()

"""Live streams, which may be recorded: each visitor's camera by itself, the server's source for all its viewers."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup

from mimik.errors import StoreError
from mimik.serve.messages import HelloMessage, Message, RecordingMessage, notice_message
from mimik.serve.problems import ProblemError
from mimik.serve.schemas import plain, session_json
from mimik.store import SessionWriter
from mimik.store.values import Draft, Marker, Session, SessionState
from mimik.types import FrameResult

if TYPE_CHECKING:
    from mimik.sinks import BlurredClip
    from mimik.store import Store

__all__ = ["Live", "LiveStreams", "Recording"]

_log = logging.getLogger(__name__)


class Recording:
    """A session being recorded from a live stream. Its methods may block and be called from any thread.

    Args:
        store: where to.
        draft: what is known of the session.
        clip: also keep a blurred video.
        tell: told of every change, and of trouble.

    Raises:
        StoreError: the session cannot be begun.
    """

    def __init__(self, store: Store, draft: Draft, clip: bool, tell: Callable[[Message], None]) -> None:
        self._store = store
        self._tell = tell
        self._control = threading.Lock()
        self._flow = threading.Lock()
        self._running = True
        self._markers: list[Marker] = []
        self._ended: Session | None = None
        self._clip: BlurredClip | None = None
        self._writer = SessionWriter(store, draft, notice=self._notice)
        self._writer.__enter__()
        if clip:
            name = f"{self.session.id}.mp4"
            try:
                store.set_clip(self.session.id, name)  # now, so that deletion finds it even if this process is killed
            except StoreError:
                self._writer.__exit__(None, None, None)
                raise
            from mimik.sinks import BlurredClip

            self._clip = BlurredClip(store.clips / name, self._notice)

    @property
    def session(self) -> Session:
        """As it was begun, or as it ended."""
        return self._ended or self._writer.session

    @property
    def deleted(self) -> bool:
        """Whether somebody deleted the session meanwhile; `stop` then leaves nothing of it."""
        return self._writer.deleted

    def write(self, result: FrameResult) -> None:
        """Take a result; never waits for disk or database."""
        with self._flow:
            if not self._running:
                return
            self._writer.write(result)
            if self._clip is not None and (time_s := self._writer.time_of(result.frame)) is not None:
                self._clip.write(result, time_s)

    def set_paused(self, paused: bool) -> None:
        """Pause, or go on; nothing happens where it is so already.

        Raises:
            ProblemError: it was stopped.
            StoreError: it cannot be saved.
        """
        with self._going():
            if paused != (self._writer.state is SessionState.PAUSED):
                (self._writer.pause if paused else self._writer.resume)()
        self.announce()

    def mark(self, label: str) -> Marker:
        """Set a marker now.

        Raises:
            ProblemError: it was stopped.
            StoreError: it cannot be saved.
        """
        with self._going():
            marker = self._writer.mark(label)
            self._markers.append(marker)
        self.announce()
        return marker

    def rest(self, seconds: float) -> Marker:
        """Begin a baseline, which ends by itself.

        Raises:
            ProblemError: it was stopped.
            StoreError: it cannot be saved.
        """
        with self._going():
            marker = self._writer.rest(seconds)
            self._markers.append(marker)
        self.announce()
        return marker

    def stop(self) -> Session:
        """Finish the session and return it. Safe to call twice.

        Raises:
            ProblemError: it was deleted; nothing of it is left.
        """
        with self._control:
            if self._ended is None:
                self._ended = self._finish()
                self.announce()
        if self.deleted:
            raise ProblemError(
                410,
                "The session “{title}” was deleted, so nothing more of it is recorded. The run goes on.",
                title=self._ended.title,
            )
        return self._ended

    def _finish(self) -> Session:
        with self._flow:
            self._running = False
        try:
            if self._clip is not None and not self._clip.close():
                self._store.set_clip(self.session.id, None)
        except StoreError as error:
            _log.warning("session %s: the clip could not be taken back: %s", self.session.id, error)
        finally:
            self._writer.__exit__(None, None, None)
        if self.deleted and self._clip is not None:
            self._clip.discard()
        try:
            return self._store.session(self.session.id)
        except StoreError as error:
            if not self.deleted:
                self._tell(notice_message(error.text, error.values))
            return replace(self.session, state=SessionState.INTERRUPTED, duration_s=self._writer.elapsed_s)

    def message(self) -> RecordingMessage:
        """How it stands."""
        session, over = self.session, self._ended is not None
        return RecordingMessage(
            session=session_json(session),
            state=(session.state if over else self._writer.state).value,
            elapsed_s=round(session.duration_s if over else self._writer.elapsed_s, 2),
            unsaved_s=round(self._writer.unsaved_s, 2),
            markers=tuple(plain(marker) for marker in self._markers),
        )

    def announce(self) -> None:
        """Tell the viewers how it stands; a deleted one, of which a notice told, stands no way."""
        if not self.deleted:
            self._tell(self.message())

    def _notice(self, text: str, values: dict[str, object]) -> None:
        self._tell(notice_message(text, values))
        self.announce()

    def _going(self) -> _Going:
        return _Going(self._control, self)


class _Going:
    """The lock of a recording's controls, for as long as it is not over."""

    def __init__(self, lock: threading.Lock, recording: Recording) -> None:
        self._lock = lock
        self._recording = recording

    def __enter__(self) -> None:
        self._lock.acquire()
        if not self._recording._running:
            self._lock.release()
            raise ProblemError(409, "Nothing is being recorded here. Start a recording first.")

    def __exit__(self, *broken: object) -> None:
        self._lock.release()


class Live:
    """One live stream.

    Args:
        source: what it shows.
        tell: sends a message to all its viewers; called from any thread.

    Attributes:
        token: names it in the API; nobody can guess it.
        source: as given.
        listener: called with every result, or None; must not block.
    """

    def __init__(self, source: str, tell: Callable[[Message], None]) -> None:
        self.token = secrets.token_urlsafe(16)
        self.source = source
        self.listener: Callable[[FrameResult], None] | None = None
        self._tell = tell
        self._lock = threading.Lock()
        self._over = False
        self._recording: Recording | None = None

    @property
    def hello(self) -> HelloMessage:
        """What its viewers are told first."""
        return HelloMessage(self.token)

    @property
    def recording(self) -> Recording | None:
        """What is being recorded, if anything."""
        return self._recording

    def offer(self, result: FrameResult) -> None:
        """Take a result; never waits for disk or database."""
        if self.listener is not None:
            self.listener(result)
        recording = self._recording
        if recording is not None:
            recording.write(result)

    def record(self, store: Store, draft: Draft, clip: bool) -> Recording:
        """Begin a recording. Blocks.

        Raises:
            ProblemError: something is being recorded already, or the stream is over.
            StoreError: the session cannot be begun.
        """
        with self._lock:
            if self._over:
                raise ProblemError(404, "This live view is over. Open the page again.")
            if self._recording is not None and self._recording.deleted:
                with suppress(ProblemError):
                    self._recording.stop()
                self._recording = None
            if self._recording is not None:
                raise ProblemError(409, "This is being recorded already. Stop that recording first.")
            recording = Recording(store, draft, clip, self._tell)
            self._recording = recording
        recording.announce()
        return recording

    def stop(self) -> Session:
        """End the recording. Blocks.

        Raises:
            ProblemError: nothing is being recorded, or its session was deleted.
        """
        with self._lock:
            recording = self._recording
            if recording is None:
                raise ProblemError(409, "Nothing is being recorded here. Start a recording first.")
            try:
                return recording.stop()
            finally:
                self._recording = None

    def closing(self) -> bool:
        """Begin no recording any more; whether one is under way, or beginning, so that `end` blocks."""
        self._over = True
        return self._recording is not None or self._lock.locked()

    def end(self) -> None:
        """The stream is over: end the recording, if there is one, and take no more. Blocks."""
        self._over = True  # before the lock is had: a recording that is just beginning is ended below
        with suppress(ProblemError):
            self.stop()


class LiveStreams:
    """The live streams of a server, by token.

    Args:
        listener: called with every result of every stream, in threads of their own; must not block.
        recordings: how many may be recorded at once.

    Attributes:
        tasks: where streams that are over are ended, so that nobody need wait for it.
    """

    def __init__(self, listener: Callable[[FrameResult], None] | None = None, recordings: int = 16) -> None:
        self.tasks: TaskGroup | None = None
        self._recordings = recordings
        self._beginning = threading.Lock()
        self._listener = listener
        self._streams: dict[str, Live] = {}

    def add(self, live: Live) -> None:
        """Make a stream known."""
        live.listener = self._listener
        self._streams[live.token] = live

    def get(self, token: str) -> Live:
        """The stream of a token.

        Raises:
            ProblemError: there is none.
        """
        live = self._streams.get(token)
        if live is None:
            raise ProblemError(404, "This live view is over. Open the page again.")
        return live

    def record(self, live: Live, store: Store, draft: Draft, clip: bool) -> Recording:
        """Begin a recording of one of them. Blocks.

        Raises:
            ProblemError: something is being recorded there already, the stream is over, or there are too many.
            StoreError: the session cannot be begun.
        """
        with self._beginning:
            others = sum(other.recording is not None for other in tuple(self._streams.values()) if other is not live)
            if others >= self._recordings:
                raise ProblemError(
                    503,
                    "{limit} sessions are being recorded, and no more may be at once. Try again when one has ended.",
                    limit=self._recordings,
                )
            return live.record(store, draft, clip)

    def remove(self, live: Live) -> None:
        """Forget a stream that is over."""
        self._streams.pop(live.token, None)

    def end_soon(self, live: Live) -> None:
        """A stream is over: finish its recording, though the caller be cancelled; `close` waits for it."""
        if self.tasks is not None and live.closing():
            self.tasks.start_soon(self._end, live)
        else:
            live.end()
            self.remove(live)

    async def _end(self, live: Live) -> None:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(live.end)
        self.remove(live)

    def stop_recordings(self) -> None:
        """End all recordings; the streams go on. Blocks."""
        for live in tuple(self._streams.values()):
            with suppress(ProblemError):
                live.stop()

    async def close(self) -> None:
        """End all streams."""
        for live in tuple(self._streams.values()):
            await self._end(live)

"""What a run says, kept as a session: gathered off the frame path, saved twice a second."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from dataclasses import replace
from types import TracebackType
from typing import Self

from mimik.errors import MimikError, MissingError, StoreError
from mimik.store.ages import Ages
from mimik.store.gathering import Reading, gather
from mimik.store.saving import Batch, Note, Saving
from mimik.store.streams import Streams
from mimik.store.telling import Telling
from mimik.store.values import ROOM, Draft, Marker, MarkerKind, Session, SessionState
from mimik.types import Frame, FrameResult, Notice

__all__ = ["SessionWriter"]

_log = logging.getLogger(__name__)

_FLUSH_S = 0.5
_HEARTBEAT_S = 2.0
_LONGEST_WAIT_S = 5.0
_CLOSE_S = 5.0
_HANG_S = 20.0
_MARK_S = 1.0
_ROOM_S = 30.0
_MOST_ROWS = 60_000  # 20 minutes of five people at ten frames a second; some 60 MB at the most
_ROWS_AT_ONCE = 3000
_LEAST_STEP_S = 1e-3


class SessionWriter:
    """Keeps a run as a session: a `mimik.types.Sink`.

    Entering begins the session; leaving completes it. A thread of its own saves what came every half second, so a
    killed process loses no more than that. Trouble with the store never reaches the run: people are told once that the
    session is not being saved and once that it is again; what comes meanwhile waits in memory as far as there is room,
    and a marker of kind `MarkerKind.LOST` stands over what found none. All methods may be called from any thread.

    Args:
        store: where it is kept.
        draft: what is known of it.
        notice: told of trouble; logged where None.
        wall_clock: times are seconds since the beginning by this machine's clock, and frames that find no room are
            lost. Otherwise they are `Frame.time_s`, and `write` waits for room while the store is well.

    Attributes:
        session: as it was begun; there once it is entered.
        lost_s: seconds of the session that could not be saved; final once it is left.
        deleted: whether somebody deleted the session meanwhile. Then it is over, and nothing more of it is kept.
    """

    session: Session

    def __init__(self, store: Saving, draft: Draft, *, notice: Notice | None = None, wall_clock: bool = True) -> None:
        self.lost_s = 0.0
        self.deleted = False
        self._store = store
        self._draft = draft
        self._telling = Telling(notice, draft.title)
        self._wall_clock = wall_clock
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="mimik-session", daemon=True)
        # Shared, under the lock:
        self._state: SessionState | None = None
        self._closing_at: float | None = None
        self._hurry = False
        self._over = False
        self._inbox: list[Reading] = []
        self._inbox_rows = 0
        self._rows = 0
        self._notes: list[Note] = []
        self._pause: Note | None = None
        self._gap: Note | None = None
        self._points = 0
        self._began = 0.0
        self._last_s = 0.0
        self._written = False
        self._ended_s: float | None = None
        self._saved_s = 0.0  # written by the thread alone
        self._trouble = False
        self._streams = Streams()
        self._ages = Ages(draft)
        # Of the thread alone:
        self._batches: deque[Batch] = deque()
        self._duration_s = 0.0
        self._known_state: SessionState | None = SessionState.RECORDING
        self._beat = 0.0
        self._wait_s = _FLUSH_S

    def __enter__(self) -> Self:
        """Begin the session.

        Raises:
            StoreError: it cannot be begun.
        """
        self.session = self._store.begin(self._draft)
        self._began = self._beat = time.perf_counter()
        self._state = SessionState.RECORDING
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Save what is left, for some seconds if need be, and end the session."""
        with self._news:
            now = self._elapsed()
            self._close_pause(now)
            for note in self._notes:
                if note.marker.kind is MarkerKind.BASELINE and (note.marker.end_s or 0.0) > now:
                    self._change(note, end_s=max(now, note.marker.time_s))
            defect = error is not None and not isinstance(error, MimikError | KeyboardInterrupt)
            self._state = SessionState.INTERRUPTED if defect else SessionState.DONE
            self._closing_at = time.perf_counter()
            self._ended_s = now
            self._news.notify_all()
        self._thread.join(_HANG_S)
        with self._news:
            self._over = True
            waits = not self.deleted and (bool(self._rows) or not all(note.saved for note in self._notes))
            unsaved_s = self._last_s - self._saved_s if waits else 0.0
            lost_s = sum(_length(note.marker) for note in self._notes if note.marker.kind is MarkerKind.LOST)
            self.lost_s = unsaved_s + lost_s
        if waits:
            self._telling.ended_early(unsaved_s)

    @property
    def state(self) -> SessionState:
        """Where the session stands; `SessionState.DONE` before it is begun and once it is over."""
        return self._state or SessionState.DONE

    @property
    def elapsed_s(self) -> float:
        """Seconds since the session's start; in an analysed video, its newest frame's time."""
        with self._news:
            return self._elapsed()

    @property
    def unsaved_s(self) -> float:
        """Seconds at the end of what was read that wait for the store to be mended; 0 when all is well."""
        with self._news:
            return max(self._last_s - self._saved_s, _LEAST_STEP_S) if self._trouble else 0.0

    def time_of(self, frame: Frame) -> float | None:
        """When in the session a frame lies, in seconds; None while nothing is recorded."""
        with self._news:
            return None if self._state is not SessionState.RECORDING else self._place(frame)

    def write(self, result: FrameResult) -> None:
        """Take a frame's reading. Its picture is not kept. Ignored while paused."""
        frame = result.frame
        with self._news:
            if self._state is not SessionState.RECORDING:
                return
            self._streams.take(frame)
            # Time stamps may repeat, in some AVI files every other one; what a person shows at a time is kept once.
            self._last_s = time_s = max(self._place(frame), self._last_s + _LEAST_STEP_S if self._written else 0.0)
            self._written = True
            rows = len(result.faces) or 1
            if self._rows + rows > _MOST_ROWS and not self._make_room(rows):
                self._lose(time_s)
                return
            if self._gap is not None:
                self._change(self._gap, end_s=time_s)
                self._gap = None
            for face in result.faces:
                if face.track_id is not None:
                    self._ages.take(self._streams.number(face.track_id), face)
            self._inbox.append(Reading(time_s, result.faces, self._streams.offset))
            self._inbox_rows += rows
            self._rows += rows
            if self._inbox_rows > _ROWS_AT_ONCE and not self._hurry:
                self._hurry = True
                self._news.notify_all()

    def begin_stream(self) -> None:
        """Tell that the next frame is another stream's first: its people are numbered on, being nobody seen before.

        Frames whose index does not grow tell so by themselves.
        """
        with self._news:
            self._streams.begin()

    def pause(self) -> None:
        """Record nothing until `resume`. The clock goes on; a marker stands over the pause."""
        with self._news:
            if self._state is SessionState.RECORDING:
                self._state = SessionState.PAUSED
                self._pause = self._note(Marker(self._elapsed(), kind=MarkerKind.PAUSE))

    def resume(self) -> None:
        """Record on."""
        with self._news:
            if self._state is SessionState.PAUSED:
                self._state = SessionState.RECORDING
                self._close_pause(self._elapsed())

    def mark(self, label: str = "", time_s: float | None = None) -> Marker:
        """Set a marker.

        Args:
            label: what it is called; its number where empty.
            time_s: when; None: now.

        Returns:
            The marker; its id is 0 if it could not be saved at once, which is made up for later.

        Raises:
            StoreError: the session is over.
        """
        with self._news:
            self._points += 1
            return self._put(Marker(self._at(time_s), label.replace("\0", "").strip() or str(self._points)))

    def rest(self, seconds: float = 10.0) -> Marker:
        """Set a marker of kind `MarkerKind.BASELINE` from now on, for so many seconds or until the session ends.

        Raises:
            StoreError: the session is over.
        """
        with self._news:
            start = self._at(None)
            return self._put(Marker(start, kind=MarkerKind.BASELINE, end_s=start + seconds))

    # --- under the lock ----------------------------------------------------------------------------------------------

    def _elapsed(self) -> float:
        if self._ended_s is not None:
            return self._ended_s
        if self._state is None or not self._wall_clock:
            return self._last_s
        return time.perf_counter() - self._began

    def _place(self, frame: Frame) -> float:
        if not self._wall_clock:
            return max(0.0, self._streams.time_of(frame))
        return max(0.0, (frame.captured_s or time.perf_counter()) - self._began)

    def _make_room(self, rows: int) -> bool:
        if self._wall_clock or self._gap is not None:
            return False
        self._hurry = True
        self._news.notify_all()
        return self._news.wait_for(lambda: self._rows + rows <= _MOST_ROWS, _ROOM_S)

    def _lose(self, time_s: float) -> None:
        if self._gap is None:
            self._gap = self._note(Marker(time_s, kind=MarkerKind.LOST, end_s=time_s))
        else:
            self._change(self._gap, end_s=time_s)

    def _at(self, time_s: float | None) -> float:
        if self._state is None or self._closing_at is not None or self.deleted:
            raise StoreError("No session is being recorded. Add the marker to a session that is kept.")
        return self._elapsed() if time_s is None or not math.isfinite(time_s) else max(0.0, time_s)

    def _put(self, marker: Marker) -> Marker:
        note = self._note(marker)
        self._news.wait_for(lambda: note.saved or self._trouble or self.deleted, _MARK_S)
        return note.marker

    def _note(self, marker: Marker) -> Note:
        note = Note(marker)
        self._notes.append(note)
        self._hurry = True
        self._news.notify_all()
        return note

    def _change(self, note: Note, end_s: float) -> None:
        note.marker = replace(note.marker, end_s=end_s)
        note.saved = False

    def _close_pause(self, now: float) -> None:
        if self._pause is not None:
            self._change(self._pause, end_s=now)
            self._pause = None
            self._hurry = True

    # --- in the thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(
                    lambda: self._closing_at is not None or (self._hurry and not self._trouble), self._wait_s
                )
                closing_at, self._hurry = self._closing_at, False
            saved = self._save()
            if self.deleted or (saved and closing_at is not None):
                return
            if closing_at is not None:
                if time.perf_counter() - closing_at > _CLOSE_S:
                    return
                time.sleep(_FLUSH_S)

    def _save(self) -> bool:
        """Bring the store up to date; whether that worked."""
        self._take()
        try:
            self._save_batches()
            self._save_notes()
            self._save_ages()
            state = self._state
            if state is not None and state is not self._known_state:
                self._store.set_state(self.session.id, state)
                self._known_state = state
        except StoreError as error:
            if isinstance(error, MissingError) and self._is_gone():
                self._forget()
            else:
                self._fail(error)
            return False
        except Exception as defect:  # the store's, and no reason to lose what is still to come
            if not self._trouble:
                _log.exception("The store failed in a way that it should not")
            self._fail(StoreError("The session's store failed: {detail}.", detail=defect))
            return False
        self._recover()
        return True

    def _take(self) -> None:
        """Turn what came into columns."""
        with self._news:
            readings, rows = self._inbox, self._inbox_rows
            self._inbox, self._inbox_rows = [], 0
        if not readings:
            return
        samples, sums = gather(readings)
        if self._draft.aggregate_only:
            samples, sums = gather([])[0], sums.of(ROOM)
        self._duration_s = max(readings[-1].time_s, self._duration_s + _LEAST_STEP_S)
        batch = Batch(samples, sums, self._duration_s, rows)
        last = self._batches[-1] if self._batches else None
        if last is None or last.tried or last.rows + rows > _ROWS_AT_ONCE:
            self._batches.append(batch)
        else:
            self._batches[-1] = last.joined(batch)

    def _save_batches(self) -> None:
        if not self._batches and time.perf_counter() - self._beat > _HEARTBEAT_S:
            self._store.append(self.session.id, None, gather([])[1], self._saved_s)
            self._beat = time.perf_counter()
        while self._batches:
            batch = self._batches[0]
            # A connection that broke may have broken after the work was done.
            if not (batch.tried and self._store.session(self.session.id).duration_s >= batch.duration_s):
                batch.tried = True
                samples = None if self._draft.aggregate_only else batch.samples
                self._store.append(self.session.id, samples, batch.sums, batch.duration_s)
            self._batches.popleft()
            self._beat = time.perf_counter()
            with self._news:
                self._rows -= batch.rows
                self._saved_s = batch.duration_s
                self._news.notify_all()

    def _save_ages(self) -> None:
        with self._news:
            due = self._ages.due(over=self._closing_at is not None)
        for person in due:
            self._store.set_person(self.session.id, person)
            with self._news:
                self._ages.done(person)

    def _save_notes(self) -> None:
        with self._news:
            waiting = [(note, note.marker) for note in self._notes if not note.saved]
        for note, marker in waiting:
            if note.tried and not marker.id:
                marker = replace(marker, id=self._find(marker))
            note.tried = True
            if marker.id:
                self._close(marker)
            else:
                (saved,) = self._store.add_markers(self.session.id, [marker])
                marker = replace(marker, id=saved.id)
            with self._news:
                note.saved = note.marker.end_s == marker.end_s  # it may have been closed meanwhile
                note.marker = replace(note.marker, id=marker.id)
                self._news.notify_all()

    def _close(self, marker: Marker) -> None:
        """Save a marker's end, and leave alone what people did to it meanwhile."""
        known = next((old for old in self._store.markers(self.session.id) if old.id == marker.id), None)
        if known is not None:
            self._store.edit_marker(self.session.id, replace(known, end_s=marker.end_s))

    def _find(self, marker: Marker) -> int:
        """The id of a marker that an attempt may have saved before its answer was lost; else 0."""
        with self._news:
            taken = {note.marker.id for note in self._notes}
        for old in self._store.markers(self.session.id):
            if old.kind is marker.kind and abs(old.time_s - marker.time_s) < _LEAST_STEP_S and old.id not in taken:
                return old.id
        return 0

    def _fail(self, error: StoreError) -> None:
        self._known_state = None  # a writer that is silent for long is taken for dead, and its session for interrupted
        with self._news:
            first, self._trouble = not self._trouble, True
            self._wait_s = _FLUSH_S if first else min(2 * self._wait_s, _LONGEST_WAIT_S)
            self._news.notify_all()
        if first:
            self._telling.failed(error)

    def _is_gone(self) -> bool:
        """Whether it is the session that is missing, and not one of its markers."""
        try:
            self._store.session(self.session.id)
        except StoreError as error:
            return isinstance(error, MissingError)
        return False

    def _forget(self) -> None:
        """The session was deleted: what waits would bring part of it back."""
        with self._news:
            self.deleted, self._trouble = True, False
            self._state, self._ended_s = SessionState.DONE, self._elapsed()
            self._inbox, self._inbox_rows, self._rows = [], 0, 0
            self._notes, self._pause, self._gap = [], None, None
            self._news.notify_all()
        self._batches.clear()
        self._telling.deleted()

    def _recover(self) -> None:
        with self._news:
            if not self._trouble:
                return
            self._trouble = False
            self._wait_s = _FLUSH_S
            lost_s = sum(_length(note.marker) for note in self._notes if note.marker.kind is MarkerKind.LOST)
        self._telling.mended(lost_s)


def _length(marker: Marker) -> float:
    return 0.0 if marker.end_s is None else marker.end_s - marker.time_s

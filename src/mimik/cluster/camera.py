"""One live camera on some machine of the cluster: watched by a worker that lives as long as the camera is well.

What it reads waits until the supervisor (`mimik.cluster.watch`) has taken it, so that nothing is counted twice.
"""

from __future__ import annotations

import os
import platform
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from mimik.cluster.reading import Told, other_models, unfit
from mimik.config import Settings
from mimik.errors import MimikError, SourceError
from mimik.pipeline import Pipeline
from mimik.realtime import Realtime, RealtimeStatistics
from mimik.sources import Paced, is_camera_number, open_source
from mimik.types import Face, Frame, FrameResult, Source, SourceKind

__all__ = ["Beginning", "Camera", "CameraState", "Report", "Sight", "is_address", "is_of_one_machine"]

_ROOM = 3000
"""Results that may wait to be taken: a hundred seconds at 30 a second."""

_AT_ONCE = 600
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 10.0
_STALE_S = 3.0
_NOTHING = RealtimeStatistics(0.0, 0.0, 0.0, 0.0, 0)
_LOOPBACK = re.compile(r"(?:.*\.)?localhost|127\..*|0\.0\.0\.0|::1?")


class CameraState(StrEnum):
    """How a camera is."""

    WAITING = "waiting"
    """No machine has room for it, or its worker is starting."""
    LIVE = "live"
    AWAY = "away"
    """It gives no picture; its worker keeps trying."""
    LOST = "lost"
    """Its worker or machine is gone, or cannot do the work; another one will take it."""
    ENDED = "ended"
    FAILED = "failed"
    """It can never be read."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """From where a camera is gone on with, by another worker.

    Attributes:
        time_s: seconds since the watch began.
        index: the next frame's.
        people: the largest number given to a person so far.
    """

    time_s: float = 0.0
    index: int = 0
    people: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """A result without its picture.

    Attributes:
        number: its place among this worker's results, from 0.
        index: the frame's.
        time_s: seconds since the watch began; of a recording, since its beginning.
        elapsed_s: when it was captured, seconds since the watch began.
        size: the picture's width and height, pixels.
        faces: as `mimik.types.FrameResult` has them.
        latency_ms: from capture to result.
        dropped: frames passed over since the result before.
    """

    number: int
    index: int
    time_s: float
    elapsed_s: float
    size: tuple[int, int]
    faces: tuple[Face, ...]
    latency_ms: float
    dropped: int

    def result(self, source: str, began_s: float) -> FrameResult:
        """The result with a black picture that takes no memory.

        Args:
            source: what the camera is called.
            began_s: when the watch began, by this process's `time.perf_counter`.
        """
        width, height = self.size
        blank = np.broadcast_to(np.uint8(0), (height, width, 3))
        frame = Frame(blank, self.index, self.time_s, began_s + self.elapsed_s, source)
        return FrameResult(frame, self.faces, self.latency_ms, self.dropped)


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What a worker says of its camera.

    Attributes:
        state: how it is.
        statistics: of the last five seconds.
        age_s: seconds since its last frame; None: there was none.
        unsent: results that were given up because nobody took them.
        sights: results that were not taken yet, the oldest first, not all of them if there are many.
        machine: where it is watched.
        node: the same, as Ray calls it.
        trouble: why it is away, has failed, or cannot be watched on this machine.
    """

    state: CameraState
    statistics: RealtimeStatistics
    age_s: float | None
    unsent: int
    sights: tuple[Sight, ...]
    machine: str
    node: str
    trouble: Told | None


class Camera:
    """A worker: opens a camera, reads it, and keeps what it read until it is taken. An actor of Ray.

    Args:
        spec: as SOURCE on the command line; recordings are played at their own pace.
        settings: of the pipeline.
        beginning: where the worker before left off.
        clock_s: when the watch began, by `time.time`.
        node: gives what Ray calls this machine.
        identity: the supervisor's `Pipeline.identity`; None: any will do.
    """

    def __init__(
        self,
        spec: str,
        settings: Settings,
        beginning: Beginning,
        clock_s: float,
        node: Callable[[], str] = lambda: "",
        identity: str | None = None,
    ) -> None:
        self._node = node()
        self._spec = spec
        self._beginning = beginning
        # Machines' clocks may differ a little; time must not go back for all that.
        self._zero_s = time.perf_counter() - max(beginning.time_s, time.time() - clock_s)
        self._lock = threading.Lock()
        self._state = CameraState.WAITING
        self._trouble: Told | None = None
        self._realtime: Realtime | None = None
        self._sights: deque[Sight] = deque()
        self._number = 0
        self._unsent = 0
        self._seen_s: float | None = None
        self._closing = threading.Event()
        self._settings = settings
        self._identity = identity
        threading.Thread(target=self._watch, name="mimik-watch", daemon=True).start()

    def report(self, taken: int) -> Report:
        """How the camera is, and what was read.

        Args:
            taken: the number of the last result that was taken; -1: none was. Those up to it are forgotten.
        """
        with self._lock:
            while self._sights and self._sights[0].number <= taken:
                self._sights.popleft()
            sights = tuple(self._sights[place] for place in range(min(len(self._sights), _AT_ONCE)))
            state, trouble, realtime, seen_s = self._state, self._trouble, self._realtime, self._seen_s
            more = len(self._sights) > len(sights)
        age_s = None if seen_s is None else time.perf_counter() - seen_s
        if state is CameraState.LIVE and (age_s is None or age_s > _STALE_S):
            state = CameraState.AWAY
        if more and state in (CameraState.ENDED, CameraState.FAILED, CameraState.LOST):
            state = CameraState.LIVE
        statistics = _NOTHING if realtime is None else realtime.statistics()
        return Report(state, statistics, age_s, self._unsent, sights, platform.node(), self._node, trouble)

    def close(self) -> None:
        """Watch no longer. What was read can still be taken."""
        self._closing.set()
        with self._lock:
            realtime = self._realtime
        if realtime is not None:
            realtime.close()

    def _watch(self) -> None:
        """Read the camera to its end, in a thread of its own.

        Only what is the source's own fault is for good: where the machine is to blame, another one may do better.
        """
        try:
            pipeline = Pipeline.load(self._settings)
            if self._identity not in (None, pipeline.identity):
                self._end(CameraState.LOST, other_models())
                return
            source = self._open()
            if source is None:
                return
            with Realtime(source, pipeline.stream(SourceKind.LIVE)) as realtime:
                with self._lock:
                    self._realtime, self._state, self._trouble = realtime, CameraState.LIVE, None
                for result in realtime.results():
                    self._keep(result)
            self._end(CameraState.ENDED, None)
        except SourceError as error:
            self._end(CameraState.FAILED, Told.of(error))
        except MimikError as error:
            self._end(CameraState.LOST, unfit(error))
        except Exception as error:
            text = "Mimik failed in a way that it should not: {kind}: {detail}"
            self._end(CameraState.LOST, Told(text, {"kind": type(error).__name__, "detail": str(error)}))
            raise

    def _open(self) -> Source | None:
        """Open the camera, and wait for it where it may come yet; None if that is no longer wanted.

        Raises:
            SourceError: it cannot be opened, and never will be.
        """
        wait_s = _FIRST_WAIT_S
        while not self._closing.is_set():
            try:
                source = open_source(self._spec, notice=self._note)
            except SourceError as error:
                if not is_address(self._spec):
                    raise
                with self._lock:
                    self._state, self._trouble = CameraState.AWAY, Told.of(error)
                self._closing.wait(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
                continue
            if source.kind is SourceKind.LIVE:
                return _Placed(source, self._beginning.index, self._zero_s)
            # While nobody watched, a recording has gone on like any camera.
            return Paced(source, time.perf_counter() - self._zero_s if self._beginning.index else 0.0)
        return None

    def _note(self, text: str, values: dict[str, object]) -> None:
        """Take what the source says of trouble that it mends itself."""
        with self._lock:
            self._trouble = Told.plain(text, values)

    def _keep(self, result: FrameResult) -> None:
        frame, people = result.frame, self._beginning.people
        faces = tuple(
            face if face.track_id is None else replace(face, track_id=face.track_id + people) for face in result.faces
        )
        with self._lock:
            self._sights.append(
                Sight(
                    number=self._number,
                    index=frame.index,
                    time_s=frame.time_s,
                    elapsed_s=frame.captured_s - self._zero_s,
                    size=frame.size,
                    faces=faces,
                    latency_ms=result.latency_ms,
                    dropped=result.dropped,
                )
            )
            self._number += 1
            self._seen_s = frame.captured_s
            self._trouble = None
            if len(self._sights) > _ROOM:
                self._sights.popleft()
                self._unsent += 1

    def _end(self, state: CameraState, trouble: Told | None) -> None:
        with self._lock:
            self._state, self._trouble = state, trouble


class _Placed:
    """A live source whose frames are numbered and timed on from where another worker left off."""

    kind = SourceKind.LIVE

    def __init__(self, source: Source, index: int, zero_s: float) -> None:
        self.name = source.name
        self._source = source
        self._index = index
        self._zero_s = zero_s

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._source:
            yield replace(frame, index=self._index + frame.index, time_s=frame.captured_s - self._zero_s)

    def close(self) -> None:
        self._source.close()


def is_address(spec: str) -> bool:
    """Whether SOURCE is a camera or an address, which may come and go; not a file."""
    return "://" in spec or is_camera_number(spec)


def is_of_one_machine(spec: str) -> bool:
    """Whether SOURCE means another camera on every machine: a number, a device, or an address of the machine itself."""
    if "://" in spec:
        return _LOOPBACK.fullmatch(urlsplit(spec).hostname or "") is not None
    return is_camera_number(spec) or Path(os.path.realpath(os.path.expanduser(spec))).parts[:2] == ("/", "dev")

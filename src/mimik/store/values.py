"""What a recorded session consists of: values alone, without a database.

Times within a session are seconds since its start: wall-clock seconds for a live run (they go on while it is paused),
the video's own for an analysed video. Only numbers are kept; no picture, no face, no name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from mimik.types import Emotion, Reason, State

__all__ = [
    "COARSE_S",
    "EMOTIONS",
    "FINE_S",
    "REASONS",
    "ROOM",
    "STATES",
    "Aggregates",
    "Draft",
    "Job",
    "JobState",
    "Marker",
    "MarkerKind",
    "Person",
    "Purpose",
    "Samples",
    "Session",
    "SessionState",
]

EMOTIONS = tuple(Emotion)
"""Order of the seven columns of probabilities and labels."""

REASONS = tuple(Reason)
"""Order of the columns of reasons."""

STATES = (State.SURE, State.UNCERTAIN, State.WITHHELD)
"""A sample's `Samples.states` is an index into these."""

ROOM = 0
"""The person number of the rows that sum everybody in the picture."""

FINE_S = 1
"""Seconds a row of the fine aggregates covers."""

COARSE_S = 60
"""Seconds a row of the coarse aggregates covers; they are exact sums of the fine ones."""


class Purpose(StrEnum):
    """What a session is for."""

    LESSON = "lesson"
    WORK = "work"
    PRODUCT = "product"
    ADVERTISEMENT = "advertisement"
    SHOP = "shop"
    INTERVIEW = "interview"
    CLINIC = "clinic"
    RESEARCH = "research"
    OTHER = "other"

    @property
    def allows_ages(self) -> bool:
        """Whether age and gender may be estimated of these people: not in education or at work."""
        return self not in (Purpose.LESSON, Purpose.WORK)

    @property
    def needs_ground(self) -> bool:
        """Whether the law asks for a ground first: people at work or in education (EU AI Act, Art. 5(1)(f))."""
        return self in (Purpose.LESSON, Purpose.WORK, Purpose.SHOP)


VISITOR = "visitor's camera"
"""`Session.source` of what a visitor's own camera saw; shown in the reader's language."""


class SessionState(StrEnum):
    """Where a session stands."""

    RECORDING = "recording"
    PAUSED = "paused"
    DONE = "done"
    INTERRUPTED = "interrupted"
    """Its program ended without finishing it; what was saved is whole."""


class MarkerKind(StrEnum):
    """What a marker tells."""

    POINT = "point"
    """Something happened; an interval starts here and lasts until the next point."""
    BASELINE = "baseline"
    """Rest, from `Marker.time_s` to `Marker.end_s`: the person's neutral reference."""
    PAUSE = "pause"
    """Nothing was recorded, on purpose."""
    LOST = "lost"
    """Something should have been recorded and could not be saved."""


class JobState(StrEnum):
    """Where a job of the analysis queue stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known when a session is begun.

    Attributes:
        title: not empty, at most 200 characters.
        purpose: what it is for.
        tags: short words to find it by.
        consent: how the people were told and agreed, in the user's words.
        ground: the legal ground, in the user's words. Where `Purpose.needs_ground`, it or `consent` must not be empty.
        aggregate_only: never write a row about one person.
        raw_days: days that samples are kept before only aggregates remain; None: as long as the session.
        keep_days: days that the session is kept; None: until it is deleted.
        source: what was watched; never holds credentials.
        live: whether it was watched as it happened.
        model: the name and hash of what read it.
        started_at: with time zone; None: now.
    """

    title: str
    purpose: Purpose = Purpose.OTHER
    tags: tuple[str, ...] = ()
    consent: str = ""
    ground: str = ""
    aggregate_only: bool = False
    raw_days: int | None = 30
    keep_days: int | None = None
    source: str = ""
    live: bool = True
    model: str = ""
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A session as the store knows it; the fields of `Draft`, and:

    Attributes:
        id: short, unique, of lower-case letters and digits.
        started_at: in the time zone of the machine that recorded it, so that hours and weekdays are local.
        duration_s: up to the last saved step.
        state: where it stands.
        people: how many people have rows of their own; 0 where `aggregate_only`.
        clip: path of the blurred video, relative to the store's clip folder, or None.
        version: of the Mimik that recorded it.
        raw_until: samples are purged then; None: never by themselves.
        keep_until: the session is purged then; None: never by itself.
    """

    id: str
    title: str
    purpose: Purpose
    tags: tuple[str, ...]
    consent: str
    ground: str
    aggregate_only: bool
    source: str
    live: bool
    model: str
    started_at: datetime
    duration_s: float
    state: SessionState
    people: int
    clip: str | None
    version: str
    raw_until: datetime | None
    keep_until: datetime | None


@dataclass(frozen=True, slots=True)
class Marker:
    """Something at a time of a session.

    Attributes:
        id: unique in the store; 0 before it is saved.
        time_s: when, or when it began.
        end_s: when it ended; None for a point, and for what still goes on.
        label: the user's words; may be empty unless `kind` is `MarkerKind.POINT`.
        kind: what it tells.
    """

    time_s: float
    label: str = ""
    kind: MarkerKind = MarkerKind.POINT
    end_s: float | None = None
    id: int = 0


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of one person besides their rows.

    Attributes:
        number: the anonymous number within the session, from 1.
        age: estimated age range in years (low, high), where that was switched on; else None.
    """

    number: int
    age: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Readings at capture rate, column by column; N rows in the order of time.

    Attributes:
        time_s: ``(N,)`` float64.
        person: ``(N,)`` int64, from 1.
        box: ``(N, 4)`` float32, x1 y1 x2 y2 in pixels of the source.
        state: ``(N,)`` int8, index into `STATES`.
        reason: ``(N,)`` int8, index into `REASONS`; -1 for none.
        label: ``(N,)`` int8, the shown label as an index into `EMOTIONS`; -1 for none.
        probabilities: ``(N, 7)`` float32 in the order of `EMOTIONS`; NaN where withheld.
        quality: ``(N,)`` float32, 0–1.
        valence: ``(N,)`` float32, -1 to 1; NaN where withheld.
        arousal: ``(N,)`` float32, -1 to 1; NaN where withheld.
    """

    time_s: NDArray[np.float64]
    person: NDArray[np.int64]
    box: NDArray[np.float32]
    state: NDArray[np.int8]
    reason: NDArray[np.int8]
    label: NDArray[np.int8]
    probabilities: NDArray[np.float32]
    quality: NDArray[np.float32]
    valence: NDArray[np.float32]
    arousal: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.time_s)


@dataclass(frozen=True, slots=True, eq=False)
class Aggregates:
    """Sums over steps of time, column by column; rows sorted by (start_s, person).

    Rows of person `ROOM` sum everybody in the picture and count frames; they are always there, also for a step in
    which frames were read and nobody was seen. Rows of people from 1 on are absent where `Session.aggregate_only`.
    Everything but `step_s`, `person` and `start_s` is a sum, so steps merge by adding.

    Attributes:
        step_s: seconds a row covers: `FINE_S`, `COARSE_S`, or a multiple after merging.
        person: ``(N,)`` int64.
        start_s: ``(N,)`` float64, multiples of `step_s`.
        frames: ``(N,)`` int64, frames read; in a person's row, frames in which the person was seen.
        faces: ``(N,)`` int64, samples: faces seen, readable or not. In a person's row equal to `frames`.
        sure: ``(N,)`` int64, samples with state sure.
        uncertain: ``(N,)`` int64, samples with state uncertain. Readings = sure + uncertain.
        withheld: ``(N, 7)`` int64, withheld samples by reason, in the order of `REASONS`.
        probabilities: ``(N, 7)`` float64, sums over the readings.
        labels: ``(N, 7)`` int64, readings by shown label, in the order of `EMOTIONS`.
        quality: ``(N,)`` float64, sum over faces.
        valence: ``(N,)`` float64, sum over readings.
        arousal: ``(N,)`` float64, sum over readings.
    """

    step_s: int
    person: NDArray[np.int64]
    start_s: NDArray[np.float64]
    frames: NDArray[np.int64]
    faces: NDArray[np.int64]
    sure: NDArray[np.int64]
    uncertain: NDArray[np.int64]
    withheld: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    labels: NDArray[np.int64]
    quality: NDArray[np.float64]
    valence: NDArray[np.float64]
    arousal: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.person)

    @property
    def readings(self) -> NDArray[np.int64]:
        """``(N,)`` int64: samples with probabilities."""
        return self.sure + self.uncertain

    def of(self, person: int) -> Aggregates:
        """The rows of one person, or of the `ROOM`."""
        return self.where(self.person == person)

    def where(self, chosen: NDArray[np.bool_]) -> Aggregates:
        """The rows that ``(N,)`` bool chooses."""
        return Aggregates(
            self.step_s,
            *(getattr(self, name)[chosen] for name in self.__slots__ if name != "step_s"),
        )


@dataclass(frozen=True, slots=True)
class Job:
    """A video in the analysis queue.

    Attributes:
        id: short and unique.
        name: the video's file name, as the user gave it.
        path: where the uploaded copy lies until the job is over.
        draft: of the session that it becomes.
        state: where it stands.
        progress: 0–1.
        error: why it failed, an English template and the values of its places, or None.
        session: the session's id, once there is one.
        created_at: with time zone.
        left_s: estimated seconds until it is done, or None.
        place: the folder of uploads that the copy lies in, as `mimik.serve.queue` knows it; None: any.
        frames: read so far.
        frame_count: how many there are, by what the file says; None where it does not.
    """

    id: str
    name: str
    path: str
    draft: Draft
    state: JobState
    created_at: datetime
    progress: float = 0.0
    error: tuple[str, dict[str, str]] | None = None
    session: str | None = None
    left_s: float | None = field(default=None, compare=False)
    place: str | None = None
    frames: int = field(default=0, compare=False)
    frame_count: int | None = field(default=None, compare=False)

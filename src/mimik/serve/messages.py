"""What the server and the page say to each other over the WebSockets ``/ws/camera`` and ``/ws/source``.

From the server come text messages, each a JSON object whose ``type`` names one of the dataclasses below, and, on
``/ws/source``, binary messages: `PICTURE_HEADER` (the frame's index and its time in seconds) and a JPEG. The first is
a `HelloMessage`; a `RecordingMessage` follows where a recording runs, and whenever one begins, changes or ends.

To the server go, on ``/ws/camera``, binary messages: `PICTURE_HEADER` (a number of the page's choice, given back as
``index``, and the time of capture in seconds on the page's clock) and a JPEG or WebP; each is answered by one
`ResultMessage` or `ErrorMessage`, and the next is sent after the answer. On ``/ws/source`` the page sends
``{"type": "shown"}`` for each picture that it has drawn; a viewer that does not is sent no more than `IN_FLIGHT`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from mimik.errors import MimikError
from mimik.realtime import RealtimeStatistics
from mimik.types import Emotion, Face, FrameResult

__all__ = [
    "IN_FLIGHT",
    "PICTURE_HEADER",
    "VERSION",
    "EndedMessage",
    "ErrorMessage",
    "FaceMessage",
    "HelloMessage",
    "Message",
    "NoticeMessage",
    "RecordingMessage",
    "ResultMessage",
    "StatisticsMessage",
    "error_message",
    "notice_message",
    "result_message",
    "statistics_message",
    "to_json",
]

VERSION = 1
"""Raised when a field changes its meaning or goes away."""

PICTURE_HEADER = struct.Struct("<Id")
"""In front of every picture: index (uint32) and time in seconds (float64), little-endian, 12 bytes."""

IN_FLIGHT = 3
"""Pictures that may be under way to a viewer; more are dropped for that viewer, never queued."""


@dataclass(frozen=True, slots=True)
class HelloMessage:
    """What a connection begins with.

    Attributes:
        live: the live stream's token, under which it can be recorded: ``/v1/live/{live}/recording``.
    """

    live: str
    type: Literal["hello"] = "hello"


@dataclass(frozen=True, slots=True)
class RecordingMessage:
    """How a recording of the live stream stands.

    Attributes:
        session: the session, with the fields of `mimik.store.Session`.
        state: ``recording`` or ``paused``; once it has ended ``done`` or ``interrupted``.
        elapsed_s: since its beginning; pauses count.
        unsaved_s: seconds that wait for the store to be mended; 0 when all is well.
        markers: set so far, with the fields of `mimik.store.Marker`.
    """

    session: dict[str, Any]
    state: str
    elapsed_s: float
    unsaved_s: float
    markers: tuple[dict[str, Any], ...]
    type: Literal["recording"] = "recording"


@dataclass(frozen=True, slots=True)
class FaceMessage:
    """One face.

    Attributes:
        id: the person's anonymous number on this connection, or null.
        box: left, upper, right and lower edge in pixels of a picture `ResultMessage.width` wide.
        score: the detector's confidence, 0–1.
        state: ``sure``, ``uncertain`` or ``withheld``.
        reason: why the state is not ``sure``, or null.
        label: the expression to show, or null.
        probabilities: expression → 0–1, smoothed; null where withheld.
        quality: 0–1.
        valence: -1 to 1, or null where withheld.
        arousal: -1 to 1, or null where withheld.
        age: range in years, from and to, or null: not switched on, or too little seen of the person yet.
        gender: ``female`` or ``male``, as the person appears, or null like `age`.
        gender_probability: the network's probability of it, 0.5–1, or null like `age`.
    """

    id: int | None
    box: tuple[float, float, float, float]
    score: float
    state: str
    reason: str | None
    label: str | None
    probabilities: dict[str, float] | None
    quality: float
    valence: float | None
    arousal: float | None
    age: tuple[int, int] | None = None
    gender: str | None = None
    gender_probability: float | None = None


@dataclass(frozen=True, slots=True)
class ResultMessage:
    """What was read from one frame.

    Attributes:
        index: the frame's position in the source, or the number that the page gave it.
        time_s: the frame's time.
        width: of the frame, pixels.
        height: of the frame, pixels.
        latency_ms: from the frame's capture (its arrival, for a visitor's camera) to this result.
        dropped: frames passed over since the result before.
        faces: left to right.
    """

    index: int
    time_s: float
    width: int
    height: int
    latency_ms: float
    dropped: int
    faces: tuple[FaceMessage, ...]
    version: int = VERSION
    type: Literal["result"] = "result"


@dataclass(frozen=True, slots=True)
class StatisticsMessage:
    """How the server's source runs, once a second; the fields are those of `RealtimeStatistics`."""

    capture_fps: float
    result_fps: float
    latency_p50_ms: float
    latency_p95_ms: float
    dropped: int
    type: Literal["statistics"] = "statistics"


@dataclass(frozen=True, slots=True)
class NoticeMessage:
    """Something that the page tells in passing, such as a camera that is gone for the moment.

    Attributes:
        text: English, with named places; the key of its translation.
        values: what fills the places.
    """

    text: str
    values: dict[str, str | int | float]
    type: Literal["notice"] = "notice"


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    """Something that could not be done. On ``/ws/camera`` the connection goes on; on ``/ws/source`` it is over.

    Attributes:
        text: English, with named places; the key of its translation.
        values: what fills the places.
        index: the number that the page gave the frame, or null.
    """

    text: str
    values: dict[str, str | int | float]
    index: int | None = None
    type: Literal["error"] = "error"


@dataclass(frozen=True, slots=True)
class EndedMessage:
    """The server's source came to its end."""

    type: Literal["ended"] = field(default="ended", init=False)


Message = (
    HelloMessage | RecordingMessage | ResultMessage | StatisticsMessage | NoticeMessage | ErrorMessage | EndedMessage
)


def to_json(message: Message) -> str:
    """The message as it travels."""
    return json.dumps(asdict(message), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def result_message(result: FrameResult, index: int | None = None) -> ResultMessage:
    """A result as a message; `index` stands in for the frame's own."""
    height, width = result.frame.image.shape[:2]
    return ResultMessage(
        index=result.frame.index if index is None else index,
        time_s=round(result.frame.time_s, 4),
        width=width,
        height=height,
        latency_ms=round(result.latency_ms, 1),
        dropped=result.dropped,
        faces=tuple(_face(face) for face in result.faces),
    )


def statistics_message(statistics: RealtimeStatistics) -> StatisticsMessage:
    """A run's figures as a message."""
    return StatisticsMessage(**{name: round(value, 1) for name, value in asdict(statistics).items()})


def notice_message(text: str, values: Mapping[str, object]) -> NoticeMessage:
    """A source's notice as a message."""
    return NoticeMessage(text, _plain(values))


def error_message(error: MimikError, index: int | None = None) -> ErrorMessage:
    """An error as a message."""
    return ErrorMessage(error.text, _plain(error.values), index)


def _face(face: Face) -> FaceMessage:
    emotions = face.emotions
    probabilities = emotions.probabilities
    known = face.attributes
    x1, y1, x2, y2 = (round(float(edge), 1) for edge in face.detection.box)
    return FaceMessage(
        id=face.track_id,
        box=(x1, y1, x2, y2),
        score=round(float(face.detection.score), 3),
        state=face.state.value,
        reason=face.reason and face.reason.value,
        label=face.label and face.label.value,
        probabilities=None
        if probabilities is None
        else {emotion.value: round(float(p), 4) for emotion, p in zip(Emotion, probabilities, strict=True)},
        quality=round(face.quality.score, 3),
        valence=None if emotions.valence is None else round(emotions.valence, 3),
        arousal=None if emotions.arousal is None else round(emotions.arousal, 3),
        age=known.age if known else None,
        gender=known.gender if known else None,
        gender_probability=round(known.gender_probability, 2) if known else None,
    )


def _plain(values: Mapping[str, object]) -> dict[str, str | int | float]:
    return {name: value if isinstance(value, str | int | float) else str(value) for name, value in values.items()}

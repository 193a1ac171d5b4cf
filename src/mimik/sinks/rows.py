"""The one table that Mimik writes: a row a face a frame, the same values in every format.

``docs/schema.md`` describes it to readers; a test keeps the two in step. Names and values are
English in every language.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from mimik.types import Emotion, Face, FrameResult, State

__all__ = [
    "ATTRIBUTE_COLUMNS",
    "COLUMNS",
    "SCHEMA_VERSION",
    "AttributedRow",
    "Column",
    "Row",
    "Value",
    "columns",
    "failed_row",
    "rows",
]

SCHEMA_VERSION = 1
"""Raised when a column is added, removed or changes its meaning."""

Value = int | float | str | None


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds.

    Attributes:
        name: its heading.
        type: ``integer`` (64 bit), ``number`` (double) or ``text`` (UTF-8).
        unit: what a value counts, or the values it may take; empty for free text.
        meaning: in a sentence.
        decimals: places that a number is rounded to; None for other types.
        optional: whether it may be empty.
    """

    name: str
    type: Literal["integer", "number", "text"]
    unit: str
    meaning: str
    decimals: int | None = None
    optional: bool = True


def _probability(emotion: Emotion) -> Column:
    return Column(
        emotion.value, "number", "0–1", f"Calibrated probability of {emotion.value}; in videos smoothed over time.", 6
    )


COLUMNS: tuple[Column, ...] = (
    Column("schema_version", "integer", "1", "Version of this table.", optional=False),
    Column("source", "text", "", "The input, as it was given.", optional=False),
    Column("frame", "integer", "from 0", "Position in the video; 0 for a picture; empty in a failed row."),
    Column("time_s", "number", "s", "Time since the video's first frame; 0 for a picture; empty in a failed row.", 6),
    Column("track_id", "integer", "from 1", "The person's anonymous number within the source; empty for pictures."),
    Column("x1", "number", "px", "Left edge of the face.", 2),
    Column("y1", "number", "px", "Upper edge of the face.", 2),
    Column("x2", "number", "px", "Right edge of the face.", 2),
    Column("y2", "number", "px", "Lower edge of the face.", 2),
    Column("score", "number", "0–1", "The detector's confidence that this is a face.", 6),
    *(_probability(emotion) for emotion in Emotion),
    Column(
        "top",
        "text",
        " · ".join(Emotion),
        "The likeliest expression: the greatest of the seven probabilities of this row.",
    ),
    Column("state", "text", " · ".join(State), "How far the row may be believed.", optional=False),
    Column(
        "reason",
        "text",
        "low_confidence · too_small · blurred · dark · overexposed · turned_away · cut_off",
        "Why the state is uncertain or withheld.",
    ),
    Column("quality", "number", "0–1", "How well the face can be read; 1 is as good as it gets.", 6),
    Column("valence", "number", "-1–1", "Unpleasant to pleasant: derived, the expectation over the seven classes.", 6),
    Column("arousal", "number", "-1–1", "Calm to excited: derived, the expectation over the seven classes.", 6),
    Column("error", "text", "", "Why the input could not be read; only in failed rows."),
)
"""Every column, in order."""

ATTRIBUTE_COLUMNS: tuple[Column, ...] = (
    Column("age_low", "integer", "years", "The face looks this old or older, to a network."),
    Column("age_high", "integer", "years", "The face looks this old or younger, to a network."),
    Column("gender", "text", "female · male", "What the face appears to be, to a network that knows no other."),
    Column("gender_probability", "number", "0.5–1", "The network's probability of it; nobody has calibrated it.", 6),
)
"""The columns that follow `COLUMNS` where age and gender are switched on, and only there."""

_DECIMALS = {column.name: column.decimals for column in COLUMNS + ATTRIBUTE_COLUMNS if column.decimals is not None}


def columns(attributes: bool = False) -> tuple[Column, ...]:
    """The columns of a table, in order.

    Args:
        attributes: whether age and gender are among them.
    """
    return COLUMNS + ATTRIBUTE_COLUMNS if attributes else COLUMNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table; `COLUMNS` says what each field means. Empty is None."""

    schema_version: int = SCHEMA_VERSION
    source: str
    frame: int | None = None
    time_s: float | None = None
    track_id: int | None = None
    x1: float | None = None
    y1: float | None = None
    x2: float | None = None
    y2: float | None = None
    score: float | None = None
    angry: float | None = None
    disgust: float | None = None
    fear: float | None = None
    happy: float | None = None
    sad: float | None = None
    surprise: float | None = None
    neutral: float | None = None
    top: str | None = None
    state: str
    reason: str | None = None
    quality: float | None = None
    valence: float | None = None
    arousal: float | None = None
    error: str | None = None

    def values(self) -> tuple[Value, ...]:
        """The fields in the order of the columns."""
        return tuple(getattr(self, name) for name in _NAMES[type(self)])

    def as_dict(self) -> dict[str, Value]:
        """Column name → value, in the order of the columns."""
        return dict(zip(_NAMES[type(self)], self.values(), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributedRow(Row):
    """A line of a table with age and gender: `ATTRIBUTE_COLUMNS` follow."""

    age_low: int | None = None
    age_high: int | None = None
    gender: str | None = None
    gender_probability: float | None = None


_NAMES = {kind: tuple(field.name for field in dataclasses.fields(kind)) for kind in (Row, AttributedRow)}


def rows(result: FrameResult, *, attributes: bool = False) -> list[Row]:
    """A frame's rows: one a face, or one that says that there is none.

    Args:
        result: the frame's.
        attributes: with age and gender.
    """
    frame = result.frame
    kind = AttributedRow if attributes else Row
    source, time_s = _text(frame.source), _number("time_s", frame.time_s)
    if not result.faces:
        return [kind(source=source, frame=frame.index, time_s=time_s, state=State.NO_FACE.value)]
    return [_face_row(kind, source, frame.index, time_s, face) for face in result.faces]


def failed_row(source: str, error: str, *, attributes: bool = False) -> Row:
    """The row of an input that could not be read, or not to its end.

    Args:
        source: the input as it was given.
        error: why, in English.
        attributes: of a table with age and gender.
    """
    kind = AttributedRow if attributes else Row
    return kind(source=_text(source), state=State.FAILED.value, error=_text(error))


def _face_row(kind: type[Row], source: str, index: int, time_s: float | None, face: Face) -> Row:
    box, emotions = face.detection.box, face.emotions
    # A withheld reading shows nothing, even if a stage left numbers in it.
    shown = emotions.probabilities is not None and face.state is not State.WITHHELD
    readings = (_number(emotion.value, emotions[emotion]) if shown else None for emotion in Emotion)
    angry, disgust, fear, happy, sad, surprise, neutral = readings
    row = kind(
        source=source,
        frame=index,
        time_s=time_s,
        track_id=face.track_id,
        x1=_number("x1", box.x1),
        y1=_number("y1", box.y1),
        x2=_number("x2", box.x2),
        y2=_number("y2", box.y2),
        score=_number("score", face.detection.score),
        angry=angry,
        disgust=disgust,
        fear=fear,
        happy=happy,
        sad=sad,
        surprise=surprise,
        neutral=neutral,
        top=emotions.top.value if shown and emotions.top else None,
        state=face.state.value,
        reason=face.reason.value if face.reason else None,
        quality=_number("quality", face.quality.score),
        valence=_number("valence", emotions.valence) if shown else None,
        arousal=_number("arousal", emotions.arousal) if shown else None,
    )
    known = face.attributes
    if known is None or not isinstance(row, AttributedRow):
        return row
    probability = _number("gender_probability", known.gender_probability)
    low, high = known.age
    return dataclasses.replace(row, age_low=low, age_high=high, gender=known.gender, gender_probability=probability)


def _number(name: str, value: float | None) -> float | None:
    """Rounded once, here, so that every format holds the same double; never a negative zero."""
    return None if value is None else round(float(value), _DECIMALS[name]) + 0.0


def _text(text: str) -> str:
    """Text that every format can hold: bytes of a file name that are no UTF-8 become escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")

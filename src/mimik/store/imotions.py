"""Samples under the column names of Affectiva's AFFDEX, as iMotions and Affectiva's own programs export them.

``docs/sessions.md`` tells of every column what is in it; a test keeps the two in step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mimik.store.values import EMOTIONS, Samples
from mimik.types import Emotion

__all__ = ["AFFDEX_FORMATS", "AffdexColumn", "affdex_block"]

_Value = int | float | str | None
_Origin = Literal["given", "derived", "empty"]
_Make = Callable[[Samples], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class AffdexColumn:
    """What a column holds.

    Attributes:
        name: its heading.
        origin: whether Mimik gives it, derives it, or leaves it empty.
        meaning: how it is made, or why it is empty.
        make: its numbers, ``(N,)`` float64, NaN where empty; None for a column that is always empty.
        whole: whether its numbers are whole.
    """

    name: str
    origin: _Origin
    meaning: str
    make: _Make | None = None
    whole: bool = False


def _percent(emotion: Emotion) -> _Make:
    place = EMOTIONS.index(emotion)
    return lambda rows: 100.0 * rows.probabilities[:, place].astype(np.float64)


def _engagement(rows: Samples) -> NDArray[np.float64]:
    return 100.0 - _percent(Emotion.NEUTRAL)(rows)


def _milliseconds(rows: Samples) -> NDArray[np.float64]:
    return 1000.0 * rows.time_s


def _edge(place: int) -> _Make:
    return lambda rows: rows.box[:, place].astype(np.float64)


_UNITS = "no action units are measured"
_POSE = "not measured"
_NO_CLASS = "no such class"

_TIME = "milliseconds since the session's start"
_PERSON = "the person's anonymous number within the session"
_VALENCE = "Mimik's valence × 100, −100 to 100: the expectation over the seven classes"
_ENGAGEMENT = "100 × (1 − probability of neutral), 0–100; AFFDEX's own comes from action units"


def _emotion(name: str, emotion: Emotion) -> AffdexColumn:
    return AffdexColumn(name, "given", f"probability of {emotion} × 100, smoothed over time", _percent(emotion))


def _empty(names: Sequence[str], why: str) -> tuple[AffdexColumn, ...]:
    return tuple(AffdexColumn(name, "empty", why) for name in names)


def _box(names: Sequence[str]) -> tuple[AffdexColumn, ...]:
    edges = ("left", "upper", "right", "lower")
    return tuple(
        AffdexColumn(name, "given", f"{edge} edge of the face, in pixels", _edge(place))
        for place, (name, edge) in enumerate(zip(names, edges, strict=True))
    )


_CORNERS = ("upperLeftX", "upperLeftY", "lowerRightX", "lowerRightY")

_IMOTIONS = (
    AffdexColumn("Row", "derived", "counts from 1", whole=True),
    AffdexColumn("Timestamp", "given", _TIME, _milliseconds),
    AffdexColumn("FaceID", "given", _PERSON, lambda rows: rows.person.astype(np.float64), whole=True),
    _emotion("Anger", Emotion.ANGRY),
    *_empty(("Contempt",), _NO_CLASS),
    _emotion("Disgust", Emotion.DISGUST),
    _emotion("Fear", Emotion.FEAR),
    _emotion("Joy", Emotion.HAPPY),
    _emotion("Sadness", Emotion.SAD),
    _emotion("Surprise", Emotion.SURPRISE),
    AffdexColumn("Engagement", "derived", _ENGAGEMENT, _engagement),
    AffdexColumn("Valence", "derived", _VALENCE, lambda rows: 100.0 * rows.valence.astype(np.float64)),
    *_empty(("Sentimentality", "Confusion"), _NO_CLASS),
    _emotion("Neutral", Emotion.NEUTRAL),
    *_empty(("Attention",), "comes from the head's pose, which is not measured"),
    *_empty(
        (
            *("Brow Furrow", "Brow Raise", "Cheek Raise", "Chin Raise", "Dimpler", "Eye Closure", "Eye Widen"),
            *("Inner Brow Raise", "Jaw Drop", "Lip Corner Depressor", "Lip Press", "Lip Pucker", "Lip Stretch"),
            *("Lip Suck", "Lid Tighten", "Mouth Open", "Nose Wrinkle", "Smile", "Smirk", "Upper Lip Raise"),
            *("Blink", "BlinkRate"),
        ),
        _UNITS,
    ),
    *_empty(("Pitch", "Yaw", "Roll"), _POSE),
    *_empty(("Interocular Distance",), "sessions keep no landmarks"),
    *_box(_CORNERS),
)

_AFFDEX = (
    AffdexColumn("TimeStamp", "given", _TIME, _milliseconds),
    AffdexColumn("faceId", "given", _PERSON, lambda rows: rows.person.astype(np.float64), whole=True),
    *_box(_CORNERS),
    *_empty(("confidence",), "sessions do not keep the detector's score"),
    *_empty(("interocular_distance",), "sessions keep no landmarks"),
    *_empty(("pitch", "yaw", "roll"), _POSE),
    _emotion("joy", Emotion.HAPPY),
    _emotion("anger", Emotion.ANGRY),
    _emotion("surprise", Emotion.SURPRISE),
    AffdexColumn("valence", "derived", _VALENCE, lambda rows: 100.0 * rows.valence.astype(np.float64)),
    _emotion("fear", Emotion.FEAR),
    _emotion("sadness", Emotion.SAD),
    _emotion("disgust", Emotion.DISGUST),
    _emotion("neutral", Emotion.NEUTRAL),
    *_empty(("contempt",), _NO_CLASS),
    AffdexColumn("engagement", "derived", _ENGAGEMENT, _engagement),
    *_empty(("attention",), "comes from the head's pose, which is not measured"),
    *_empty(
        (
            *("smile", "brow_raise", "brow_furrow", "nose_wrinkle", "upper_lip_raise", "mouth_open", "eye_closure"),
            *("cheek_raise", "blink", "blink_rate", "eye_widen", "inner_brow_raise", "lip_corner_depressor"),
        ),
        _UNITS,
    ),
)

AFFDEX_FORMATS: MappingProxyType[str, tuple[AffdexColumn, ...]] = MappingProxyType(
    {"imotions": _IMOTIONS, "affdex": _AFFDEX}
)
"""Format → its columns: as iMotions exports AFFDEX, and as the programs that come with Affectiva's SDK do."""


def affdex_block(columns: Sequence[AffdexColumn], rows: Samples, first: int) -> list[Sequence[_Value]]:
    """Samples, column by column; empty is None.

    Args:
        columns: which ones.
        rows: the samples.
        first: number of the first row, from 1.
    """
    block: list[Sequence[_Value]] = []
    for column in columns:
        if column.make is not None:
            numbers = np.round(column.make(rows), 4) + 0.0
            block.append(
                [None if value != value else int(value) if column.whole else value for value in numbers.tolist()]
            )
        elif column.origin == "empty":
            block.append([None] * len(rows))
        else:
            block.append(range(first, first + len(rows)))
    return block

"""What the façades have in common: faces as the clouds order and measure them, and kinds of trouble."""

from __future__ import annotations

import logging
import math
from enum import Enum, auto

from mimik.errors import MimikError
from mimik.serve.pictures import PictureError
from mimik.serve.problems import ProblemError
from mimik.types import Emotion, Face, FrameResult

__all__ = ["NOUNS", "Kind", "kind_of", "largest_first", "probabilities", "roll"]

_log = logging.getLogger(__name__)

NOUNS = {
    Emotion.ANGRY: "anger",
    Emotion.DISGUST: "disgust",
    Emotion.FEAR: "fear",
    Emotion.HAPPY: "happiness",
    Emotion.NEUTRAL: "neutral",
    Emotion.SAD: "sadness",
    Emotion.SURPRISE: "surprise",
}
"""The expressions as Azure and Face++ call them, in their order."""


class Kind(Enum):
    """What went wrong, as far as the clouds tell it apart."""

    TOO_LARGE = auto()
    NO_PICTURE = auto()
    """Not a picture, a damaged one, or something else besides."""
    PARAMETER = auto()
    KEY = auto()
    """No key, or a wrong one."""
    SCOPE = auto()
    """A key that is not good for this."""
    BUSY = auto()
    BROKEN = auto()


_BY_STATUS = {401: Kind.KEY, 403: Kind.SCOPE, 429: Kind.BUSY, 503: Kind.BUSY}


def kind_of(error: MimikError) -> Kind:
    """The kind of an error; what broke here is also logged, for the cloud's client may hide it."""
    if isinstance(error, PictureError):
        return Kind.TOO_LARGE if error.status == 413 else Kind.NO_PICTURE
    if isinstance(error, ProblemError):
        return _BY_STATUS.get(error.status, Kind.PARAMETER)
    _log.warning("A picture could not be read: %s", error)
    return Kind.BROKEN


def largest_first(result: FrameResult, most: int) -> list[Face]:
    """The faces as the clouds give them: the largest ones, by area."""
    return sorted(result.faces, key=lambda face: -face.detection.box.width * face.detection.box.height)[:most]


def probabilities(face: Face) -> dict[Emotion, float] | None:
    """Each expression's probability, or None where the reading is withheld."""
    return None if face.emotions.top is None else {emotion: face.emotions[emotion] for emotion in Emotion}


def roll(face: Face) -> float | None:
    """The head's turn in the picture's plane in degrees, clockwise as seen, by the eyes; None without landmarks."""
    points = face.detection.landmarks
    if points is None:
        return None
    across, down = (points[1] - points[0]).astype(float)
    return math.degrees(math.atan2(down, across))

"""What is found in a frame and read from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mimik.types.pictures import Box, Frame

__all__ = [
    "Attributes",
    "Detection",
    "Emotion",
    "EmotionScores",
    "Face",
    "FrameResult",
    "Quality",
    "Reason",
    "SourceKind",
    "State",
    "Thresholds",
]


class Emotion(StrEnum):
    """The seven expressions, in the order of FER-2013's labels 0–6 (Goodfellow et al. 2013)."""

    ANGRY = "angry"
    DISGUST = "disgust"
    FEAR = "fear"
    HAPPY = "happy"
    SAD = "sad"
    SURPRISE = "surprise"
    NEUTRAL = "neutral"


class State(StrEnum):
    """How far a row may be believed."""

    SURE = "sure"
    UNCERTAIN = "uncertain"
    WITHHELD = "withheld"
    NO_FACE = "no_face"
    FAILED = "failed"


class Reason(StrEnum):
    """Why a state is not `State.SURE`."""

    LOW_CONFIDENCE = "low_confidence"
    TOO_SMALL = "too_small"
    BLURRED = "blurred"
    DARK = "dark"
    OVEREXPOSED = "overexposed"
    TURNED_AWAY = "turned_away"
    CUT_OFF = "cut_off"


class SourceKind(StrEnum):
    """How a source's frames belong together."""

    LIVE = "live"
    """Frames come at their own pace; old ones may be dropped."""
    VIDEO = "video"
    """Frames of one recording, in order; every one counts."""
    PICTURES = "pictures"
    """Each frame stands alone: no tracking, no smoothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """A face found in a picture.

    Attributes:
        box: the face, brow to chin.
        score: the detector's confidence, 0–1.
        landmarks: ``(5, 2)`` float32 pixels as (x, y): the eye on the picture's left, the eye on its right, the nose's
            tip, the mouth's left and right corners as seen in the picture; None where the detector gives none.
    """

    box: Box
    score: float
    landmarks: NDArray[np.float32] | None = None


# Where the seven classes lie on valence and arousal, -1 to 1: the means that Russell and Mehrabian (1977, "Evidence for
# a three-factor theory of emotions", table 3) give for angry, disgusted, fearful, happy, sad and surprised; neutral is
# the origin by definition.
_VALENCE = np.array([-0.51, -0.60, -0.64, 0.81, -0.63, 0.40, 0.0])
_AROUSAL = np.array([0.59, 0.35, 0.60, 0.51, -0.27, 0.67, 0.0])


@dataclass(frozen=True, slots=True, eq=False)
class EmotionScores:
    """The network's reading of one face, calibrated.

    Attributes:
        probabilities: ``(7,)`` float32 that sum to 1, in the order of `Emotion`; None where the reading is withheld.
    """

    probabilities: NDArray[np.float32] | None

    @property
    def top(self) -> Emotion | None:
        """The likeliest expression, or None where the reading is withheld."""
        if self.probabilities is None:
            return None
        return tuple(Emotion)[int(self.probabilities.argmax())]

    @property
    def confidence(self) -> float:
        """The likeliest expression's probability, 0–1; 0 where the reading is withheld."""
        return 0.0 if self.probabilities is None else float(self.probabilities.max())

    @property
    def valence(self) -> float | None:
        """Unpleasant (-1) to pleasant (1): derived, the expectation over the classes' circumplex places."""
        return None if self.probabilities is None else float(self.probabilities @ _VALENCE)

    @property
    def arousal(self) -> float | None:
        """Calm (-1) to excited (1): derived, the expectation over the classes' circumplex places."""
        return None if self.probabilities is None else float(self.probabilities @ _AROUSAL)

    def __getitem__(self, emotion: Emotion) -> float:
        """One expression's probability, 0–1; 0 where the reading is withheld."""
        return 0.0 if self.probabilities is None else float(self.probabilities[tuple(Emotion).index(emotion)])


@dataclass(frozen=True, slots=True)
class Quality:
    """Whether a face can be read at all.

    Attributes:
        score: 0 (unreadable) to 1 (as good as it gets).
        reason: why the reading is withheld, or None where it is not.
    """

    score: float
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where states begin, as smoothed probabilities of the likeliest expression, 0–1; from the model's record.

    Attributes:
        sure: from here on a reading is `State.SURE`.
        uncertain: from here up to `sure` it is `State.UNCERTAIN`; below it is `State.WITHHELD`.
    """

    sure: float
    uncertain: float


@dataclass(frozen=True, slots=True)
class Attributes:
    """How old a face looks and which gender it appears to have, by networks that may well be wrong.

    Attributes:
        age_years: the age that the face looks.
        age: the range to show, from and to, in years.
        female: the probability that the face appears female, 0–1; the rest is male. Nobody has calibrated it.
        looks: how many frames it was made from.
        settled: whether the person is looked at no more, so that it stays as it is.
    """

    age_years: float
    age: tuple[int, int]
    female: float
    looks: int = 1
    settled: bool = False

    @property
    def gender(self) -> Literal["female", "male"]:
        """The likelier appearance; the networks know no other."""
        return "female" if self.female >= 0.5 else "male"

    @property
    def gender_probability(self) -> float:
        """The probability of `gender`, 0.5–1."""
        return max(self.female, 1.0 - self.female)


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face of a frame.

    Attributes:
        detection: where it is.
        quality: whether it can be read.
        emotions: the reading; after tracking, smoothed over the time the person was seen.
        state: `State.SURE`, `State.UNCERTAIN` or `State.WITHHELD`.
        reason: why the state is not sure.
        label: the expression to show, which changes less readily than ``emotions.top``; None unless `state` is sure
            or uncertain.
        track_id: the person's anonymous number within the source, from 1; None in pictures.
        attributes: age and gender where that was switched on: of this frame alone as `Pipeline.read` gives them, of
            all the person's good frames in a result; None where there is too little to go by.
    """

    detection: Detection
    quality: Quality
    emotions: EmotionScores
    state: State
    reason: Reason | None = None
    label: Emotion | None = None
    track_id: int | None = None
    attributes: Attributes | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FrameResult:
    """What was read from one frame.

    Attributes:
        frame: the frame.
        faces: its faces, left to right; empty where there is none.
        latency_ms: from the frame's capture to this result.
        dropped: frames of a live source passed over since the result before.
    """

    frame: Frame
    faces: tuple[Face, ...]
    latency_ms: float
    dropped: int = 0

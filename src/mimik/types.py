"""The values that travel along the line, and the Protocols of its stages.

    source ──Frame──▶ detect ──Detection──▶ align ──crop──▶ classify ──EmotionScores──▶ track + smooth
           ──FrameResult──▶ sinks

Pictures are ``(H, W, 3)`` uint8 in BGR order, boxes float pixels, probabilities 0–1, times seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import TracebackType
from typing import Literal, NamedTuple, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Aligner",
    "Attributes",
    "Box",
    "Classifier",
    "Detection",
    "Detector",
    "Emotion",
    "EmotionScores",
    "Estimator",
    "Face",
    "Finder",
    "Frame",
    "FrameResult",
    "Gate",
    "Gatherer",
    "Gray",
    "Image",
    "Notice",
    "Picture",
    "Quality",
    "Reason",
    "Sink",
    "Smoother",
    "Source",
    "SourceKind",
    "State",
    "Thresholds",
    "Tracker",
]

Image = NDArray[np.uint8]
"""A picture, ``(H, W, 3)`` uint8, BGR."""

Gray = NDArray[np.uint8]
"""A picture's luma, ``(H, W)`` uint8, 0 black to 255 white."""


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


class Box(NamedTuple):
    """A rectangle in pixels of its picture; the right and lower edges are outside.

    Attributes:
        x1: left edge.
        y1: upper edge.
        x2: right edge, greater than `x1`.
        y2: lower edge, greater than `y1`.
    """

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        """Pixels from left to right."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """Pixels from top to bottom."""
        return self.y2 - self.y1

    @property
    def centre(self) -> tuple[float, float]:
        """The middle, as (x, y)."""
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    def slices(self, image: Image | Gray) -> tuple[slice, slice]:
        """The rows and columns of a picture that it touches; at least one of each, also for a box outside."""
        height, width = image.shape[:2]
        return _span(self.y1, self.y2, height), _span(self.x1, self.x2, width)


def _span(start: float, stop: float, end: int) -> slice:
    first = min(max(math.floor(start), 0), end - 1)
    return slice(first, max(min(math.ceil(stop), end), first + 1))


class Picture(Protocol):
    """A picture that takes a form only when that is asked for, and then keeps it.

    A decoder gives luma for nothing; colours cost as much as a network's look at a face.
    """

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        ...

    @property
    def image(self) -> Image:
        """In colours, upright."""
        ...

    @property
    def gray(self) -> Gray:
        """Its luma, upright."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a source.

    Attributes:
        picture: what the source gave: ``(H, W, 3)`` uint8, BGR, upright; or a `Picture`, which is not yet that.
        index: position in the source, from 0; 0 for a picture.
        time_s: seconds since the source's first frame, by its own time stamps; 0 for a picture.
        captured_s: `time.perf_counter` when the frame was read, from which latency is counted.
        source: what the source is called: a path, an address without credentials, or ``camera 0``.
    """

    picture: Image | Picture
    index: int = 0
    time_s: float = 0.0
    captured_s: float = 0.0
    source: str = ""

    @property
    def image(self) -> Image:
        """``(H, W, 3)`` uint8, BGR, upright."""
        return self.picture if isinstance(self.picture, np.ndarray) else self.picture.image

    @property
    def pixels(self) -> Image | Gray:
        """The picture in the form that costs least: its luma where the decoder gives it, else in colours."""
        return self.picture if isinstance(self.picture, np.ndarray) else self.picture.gray

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        if isinstance(self.picture, np.ndarray):
            return self.picture.shape[1], self.picture.shape[0]
        return self.picture.size

    def without_pixels(self) -> Frame:
        """The same frame with a black picture of its size that takes no memory."""
        width, height = self.size
        return replace(self, picture=np.broadcast_to(np.uint8(0), (height, width, 3)))


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


@runtime_checkable
class Source(Protocol):
    """Where frames come from. Iterate once; closing it, from any thread, ends the iteration.

    Attributes:
        kind: how its frames belong together.
        name: what it is called; never holds credentials.
    """

    kind: SourceKind
    name: str

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None: ...


class Detector(Protocol):
    """Finds faces. Safe to call from several threads."""

    def detect(self, image: Image) -> tuple[Detection, ...]:
        """The faces of a picture, boxes within its borders, best first."""
        ...


class Finder(Protocol):
    """Finds the faces of one source's frames, one after the other. Holds state: one instance a source.

    A frame that begins a turn of the source's clock (`Pipeline.turn`) is looked at as if it were the first.
    """

    def find(self, frame: Frame) -> tuple[Detection, ...]:
        """The faces of the next frame, boxes within its borders."""
        ...


class Aligner(Protocol):
    """Cuts a face out as the classifier wants it."""

    def align(self, image: Image | Gray, detection: Detection) -> NDArray[np.uint8]:
        """``(side, side)`` uint8, gray."""
        ...


class Gate(Protocol):
    """Judges whether a face can be read."""

    def judge(self, image: Image | Gray, detection: Detection) -> Quality: ...


class Classifier(Protocol):
    """Reads expressions. Safe to call from several threads."""

    def classify(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[EmotionScores, ...]:
        """One reading a crop, in order; all crops of a frame go through the network together."""
        ...


class Tracker(Protocol):
    """Gives people ids across the frames of one source. Holds state: one instance a source."""

    def track(self, frame: Frame, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        """The same faces, each with its `Face.track_id`."""
        ...


class Smoother(Protocol):
    """Steadies readings by person and decides label and state. Holds state: one instance a source."""

    def smooth(self, frame: Frame, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        """The same faces with `Face.emotions`, `Face.label`, `Face.state` and `Face.reason` decided."""
        ...


class Estimator(Protocol):
    """Looks at faces for age and gender. Safe to call from several threads."""

    def look(self, image: Image, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        """The same faces, those that are good enough with the `Face.attributes` of this one look."""
        ...


class Gatherer(Protocol):
    """Makes one estimate a person of several looks. Holds state: one instance a source."""

    def wants(self, face: Face) -> bool:
        """Whether a person should be looked at once more."""
        ...

    def gather(self, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        """Take the looks that the faces carry; the same faces, each with what is known of the person."""
        ...


class Sink(Protocol):
    """Takes results. A context manager: leaving it completes what it writes."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def write(self, result: FrameResult) -> None: ...


Notice = Callable[[str, dict[str, object]], None]
"""How a source tells people of trouble that it mends itself: a key of `mimik.words` and its values."""

"""The Protocols of the line's stages, of its sources and sinks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mimik.types.pictures import Frame, Gray, Image
from mimik.types.values import Detection, EmotionScores, Face, FrameResult, Quality, SourceKind

__all__ = [
    "Aligner",
    "Classifier",
    "Detector",
    "Estimator",
    "Finder",
    "Gate",
    "Gatherer",
    "Notice",
    "Sink",
    "Smoother",
    "Source",
    "Tracker",
]


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

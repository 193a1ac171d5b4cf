"""The line that a frame goes along: the only place where the stages meet.

source ──▶ detect ──▶ judge, align ──▶ classify (──▶ look) ──▶ track ──▶ smooth (──▶ gather) ──▶ result

Age and gender, in brackets, are off unless switched on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mimik.realtime import Realtime
from mimik.types import (
    Aligner,
    Classifier,
    Detection,
    Detector,
    EmotionScores,
    Estimator,
    Face,
    Finder,
    Frame,
    FrameResult,
    Gate,
    Gatherer,
    Image,
    Quality,
    Smoother,
    Source,
    SourceKind,
    State,
    Tracker,
)

if TYPE_CHECKING:
    from mimik.config import Settings

__all__ = ["LOOKS_A_SECOND", "Cut", "Pipeline", "Stream", "look_due"]

LOOKS_A_SECOND = 5
"""How often people are looked at for age and gender: frames that follow each other at once tell the same."""

_BATCH = 256
"""Most faces that go through the network at once: a crowd must not take all memory."""


def look_due(time_s: float, last_s: float | None) -> bool:
    """Whether a frame is the first of its turn, given the time of the frame before it."""
    return last_s is None or _turn(time_s) != _turn(last_s)


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A face on its way to the network.

    Attributes:
        detection: where it is.
        quality: whether it can be read.
        crop: ``(side, side)`` uint8, gray; None where it cannot.
    """

    detection: Detection
    quality: Quality
    crop: NDArray[np.uint8] | None


def _turn(time_s: float, turn_s: float = 1 / LOOKS_A_SECOND) -> int:
    # A millionth more: times that lie on a turn's edge must not fall to either side by rounding.
    return math.floor(time_s / turn_s + 1e-6)


class Pipeline:
    """Faces and expressions from frames. Holds no state of any source: share one between threads and sources.

    Args:
        detector: finds faces.
        gate: judges whether a face can be read.
        aligner: cuts faces out.
        classifier: reads expressions.
        tracker: makes a tracker for one source.
        smoother: makes a smoother for one source, given how its frames belong together.
        identity: tells these stages' readings from others', such as a detector's name and a model's hash.
        estimator: looks at faces for age and gender; None: nobody asked for them.
        gatherer: makes what gathers these looks by person for one source; None where `estimator` is.
        model: what reads expressions and what finds faces, as people are told, such as
            ``default (sha256 18ea1439) · centerface``.
        finder: makes what finds the faces of one source's frames; None: the detector searches each of them.
        turn_s: how long a turn lasts, seconds, on the source's clock; see `turn`. 0: each frame is one.
        workers: how many turns of a recording are read at a time.

    Attributes:
        identity: as given.
        model: as given.
        workers: as given.
    """

    def __init__(
        self,
        detector: Detector,
        gate: Gate,
        aligner: Aligner,
        classifier: Classifier,
        tracker: Callable[[], Tracker],
        smoother: Callable[[SourceKind], Smoother],
        identity: str = "",
        estimator: Estimator | None = None,
        gatherer: Callable[[], Gatherer] | None = None,
        model: str = "",
        finder: Callable[[], Finder] | None = None,
        turn_s: float = 0.0,
        workers: int = 1,
    ) -> None:
        self.identity = identity
        self.model = model
        self.workers = workers
        self._detector = detector
        self._gate = gate
        self._aligner = aligner
        self._classifier = classifier
        self._tracker = tracker
        self._smoother = smoother
        self._estimator = estimator
        self._gatherer = gatherer
        self._finder = finder
        self._turn_s = turn_s

    @property
    def attributes(self) -> bool:
        """Whether age and gender are estimated."""
        return self._estimator is not None

    @staticmethod
    def load(settings: Settings | None = None) -> Pipeline:
        """Build the default line.

        Args:
            settings: what to use instead of the defaults and the ``MIMIK_*`` environment variables.

        Raises:
            ConfigError: a setting cannot be used, or names something that does not exist.
            WeightsError: a model file is missing or changed.
        """
        from mimik.load import load

        return load(settings)

    def turn(self, time_s: float, last_s: float | None) -> bool:
        """Whether a frame of a source begins a turn: what is found in it and after it depends on no frame before.

        So whoever begins at a turn reads what one who began at the beginning would.

        Args:
            time_s: the frame's time.
            last_s: the time of the frame before; None: there is none.
        """
        return last_s is None or not self._turn_s or _turn(time_s, self._turn_s) != _turn(last_s, self._turn_s)

    def finder(self) -> Finder:
        """What finds the faces of one source, whose frames are handed over in order."""
        return self._finder() if self._finder else _Searcher(self._detector)

    def find(self, image: Image) -> tuple[Detection, ...]:
        """The faces of one picture, without memory of any other."""
        return self._detector.detect(image)

    def read(self, image: Image, *, look: bool = True) -> tuple[Face, ...]:
        """Find and read the faces of one picture, left to right, without memory of any other.

        Every readable face goes through the network in one batch. States are not decided here; `Stream` does that.

        Args:
            image: ``(H, W, 3)`` uint8, BGR.
            look: also estimate age and gender, where that is switched on.
        """
        frame = Frame(image)
        faces = self.read_found((frame,), (self.find(image),))[0]
        return self.look(frame, faces) if look else faces

    def read_found(self, frames: Sequence[Frame], found: Sequence[Sequence[Detection]]) -> tuple[tuple[Face, ...], ...]:
        """Read the faces that were found in several frames: all of them go through the network together.

        Args:
            frames: of one source or of several.
            found: each frame's faces.

        Returns:
            Each frame's faces, left to right, without age and gender.
        """
        return self.classify([self.cut(frame, faces) for frame, faces in zip(frames, found, strict=True)])

    def cut(self, frame: Frame, found: Sequence[Detection]) -> tuple[Cut, ...]:
        """Judge and cut out the faces of a frame, left to right; afterwards its pixels are no longer needed."""
        pixels = frame.pixels
        cuts = []
        for detection in sorted(found, key=lambda detection: detection.box.x1):
            quality = self._gate.judge(pixels, detection)
            crop = self._aligner.align(pixels, detection) if quality.reason is None else None
            cuts.append(Cut(detection, quality, crop))
        return tuple(cuts)

    def classify(self, frames: Sequence[Sequence[Cut]]) -> tuple[tuple[Face, ...], ...]:
        """Read faces that were cut out, those of all the frames together."""
        crops = [cut.crop for cuts in frames for cut in cuts if cut.crop is not None]
        scores = iter(
            scores
            for first in range(0, len(crops), _BATCH)
            for scores in self._classifier.classify(crops[first : first + _BATCH])
        )
        return tuple(
            tuple(
                Face(
                    detection=cut.detection,
                    quality=cut.quality,
                    emotions=EmotionScores(None) if cut.crop is None else next(scores),
                    state=State.UNCERTAIN if cut.quality.reason is None else State.WITHHELD,
                    reason=cut.quality.reason,
                )
                for cut in cuts
            )
            for cuts in frames
        )

    def look(self, frame: Frame, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        """The same faces, with this picture's age and gender for those that are good enough, where switched on."""
        return faces if self._estimator is None or not faces else self._estimator.look(frame.image, faces)

    def stream(self, kind: SourceKind) -> Stream:
        """Start to follow one source whose frames are handed over one by one."""
        if kind is SourceKind.PICTURES:
            return Stream(self, None, self._smoother(kind))
        return Stream(self, self._tracker(), self._smoother(kind), self._gatherer() if self._gatherer else None)

    def run(self, source: Source) -> Iterator[FrameResult]:
        """Read a source to its end.

        Of a live source the newest frame wins and stale ones are dropped; every frame of any other is read, in order.
        Leaving the iteration closes the source.

        Raises:
            SourceError: the source cannot be opened, or broke in a way that cannot be mended.
        """
        stream = self.stream(source.kind)
        try:
            if source.kind is SourceKind.LIVE:
                with Realtime(source, stream) as realtime:
                    yield from realtime.results()
            else:
                for frame in source:
                    yield stream.process(frame)
        finally:
            source.close()


class _Searcher:
    """Finds faces without memory."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    def find(self, frame: Frame) -> tuple[Detection, ...]:
        return self._detector.detect(frame.image)


class Stream:
    """One source on its way through a pipeline: knows the people seen so far. Not to be shared between threads.

    Made by `Pipeline.stream`.
    """

    def __init__(
        self, pipeline: Pipeline, tracker: Tracker | None, smoother: Smoother, gatherer: Gatherer | None = None
    ) -> None:
        self._pipeline = pipeline
        self._tracker = tracker
        self._smoother = smoother
        self._gatherer = gatherer
        self._finder = pipeline.finder() if tracker is not None else _Searcher(pipeline._detector)
        self._looked_s: float | None = None

    def find(self, frame: Frame) -> tuple[Detection, ...]:
        """The first part of `process`: where the faces of the next frame are."""
        return self._finder.find(frame)

    def process(self, frame: Frame, dropped: int = 0) -> FrameResult:
        """Read one frame and place it among those before.

        Args:
            frame: the next frame; its time must not lie before the last one's.
            dropped: frames passed over since the last one, to be told in the result.
        """
        faces = self._pipeline.read_found((frame,), (self.find(frame),))[0]
        return self.place(frame, faces, dropped)

    def place(self, frame: Frame, faces: tuple[Face, ...], dropped: int = 0) -> FrameResult:
        """The last part of `process`: for faces that `Pipeline.read_found` read.

        Whoever reads frames of several sources together then places each in its own stream.
        """
        if self._gatherer is None:
            return self.follow(frame, self._pipeline.look(frame, faces), dropped)
        faces = self._decide(frame, faces)
        if look_due(frame.time_s, self._looked_s):
            # Only now is it known who they are, and so who has been looked at often enough.
            wanted = tuple(face for face in faces if self._gatherer.wants(face))
            seen = dict(zip(map(id, wanted), self._pipeline.look(frame, wanted), strict=True))
            faces = tuple(seen.get(id(face), face) for face in faces)
        self._looked_s = frame.time_s
        return self._result(frame, faces, dropped)

    def follow(self, frame: Frame, faces: tuple[Face, ...], dropped: int = 0) -> FrameResult:
        """Give ids, smooth and decide for faces that `Pipeline.read` found in the frame, now or in an earlier run."""
        return self._result(frame, self._decide(frame, faces), dropped)

    def _decide(self, frame: Frame, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        if self._tracker is not None:
            faces = self._tracker.track(frame, faces)
        return self._smoother.smooth(frame, faces)

    def _result(self, frame: Frame, faces: tuple[Face, ...], dropped: int) -> FrameResult:
        if self._gatherer is not None:
            faces = self._gatherer.gather(faces)
        return FrameResult(frame, faces, (time.perf_counter() - frame.captured_s) * 1000, dropped)

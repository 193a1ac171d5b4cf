"""The line that a frame goes along: the only place where the stages meet.

source ──▶ detect ──▶ judge, align ──▶ classify (──▶ look) ──▶ track ──▶ smooth (──▶ gather) ──▶ result

Age and gender, in brackets, are off unless switched on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from mimik.realtime import Realtime
from mimik.types import (
    Aligner,
    Box,
    Classifier,
    Detection,
    Detector,
    EmotionScores,
    Estimator,
    Face,
    Frame,
    FrameResult,
    Gate,
    Gatherer,
    Image,
    NearDetector,
    Smoother,
    Source,
    SourceKind,
    State,
    Tracker,
)

if TYPE_CHECKING:
    from mimik.config import Settings

__all__ = ["LOOKS_A_SECOND", "Pipeline", "Stream", "look_due"]

LOOKS_A_SECOND = 5
"""How often people are looked at for age and gender: frames that follow each other at once tell the same."""

_BATCH = 256
"""Most faces that go through the network at once: a crowd must not take all memory."""


def look_due(time_s: float, last_s: float | None) -> bool:
    """Whether a frame is the first of its turn, given the time of the frame before it."""
    return last_s is None or _turn(time_s) != _turn(last_s)


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
        search_s: how often a stream searches whole pictures, in seconds; between, where the detector is a
            `NearDetector`, it looks near the faces of the frame before alone. 0: every frame is searched.

    Attributes:
        identity: as given.
        model: as given.
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
        search_s: float = 0.0,
    ) -> None:
        self.identity = identity
        self.model = model
        self._detector = detector
        self._gate = gate
        self._aligner = aligner
        self._classifier = classifier
        self._tracker = tracker
        self._smoother = smoother
        self._estimator = estimator
        self._gatherer = gatherer
        self._search_s = search_s

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

    def near(self, time_s: float, last_s: float | None, last: Sequence[Face]) -> tuple[Box, ...]:
        """Near which places a stream's frame is to be looked at; none: all of it is to be searched.

        It is decided by the frame before alone, so that whoever goes on in the middle reads what one who began at the
        beginning would.

        Args:
            time_s: the frame's time.
            last_s: the time of the frame before; None: there is none.
            last: that one's faces.
        """
        if not self._search_s or last_s is None or _turn(time_s, self._search_s) != _turn(last_s, self._search_s):
            return ()
        return tuple(face.detection.box for face in last)

    def read(self, image: Image, *, look: bool = True, near: Sequence[Box] = ()) -> tuple[Face, ...]:
        """Find and read the faces of one picture, left to right, without memory of any other.

        Every readable face goes through the network in one batch. States are not decided here; `Stream` does that.

        Args:
            image: ``(H, W, 3)`` uint8, BGR.
            look: also estimate age and gender, where that is switched on.
            near: look for faces near these places alone; none: everywhere. See `near`.
        """
        return self.read_many((image,), look=look, near=(near,))[0]

    def read_many(
        self, images: Sequence[Image], *, look: bool = True, near: Sequence[Sequence[Box]] | None = None
    ) -> tuple[tuple[Face, ...], ...]:
        """Find and read the faces of several pictures: all of them go through the network together.

        Args:
            images: ``(H, W, 3)`` uint8, BGR, each of its own size.
            look: also estimate age and gender, where that is switched on.
            near: for each picture, near which places alone to look for faces; None: everywhere in all.

        Returns:
            What `read` would give for each, in order.
        """
        places = near or ((),) * len(images)
        found = [
            sorted(self._find(image, spots), key=lambda detection: detection.box.x1)
            for image, spots in zip(images, places, strict=True)
        ]
        judged = [
            [self._gate.judge(image, detection) for detection in detections]
            for image, detections in zip(images, found, strict=True)
        ]
        crops = [
            self._aligner.align(image, detection)
            for image, detections, qualities in zip(images, found, judged, strict=True)
            for detection, quality in zip(detections, qualities, strict=True)
            if quality.reason is None
        ]
        scores = iter(
            scores
            for first in range(0, len(crops), _BATCH)
            for scores in self._classifier.classify(crops[first : first + _BATCH])
        )
        read = [
            tuple(
                Face(
                    detection=detection,
                    quality=quality,
                    emotions=EmotionScores(None) if quality.reason else next(scores),
                    state=State.WITHHELD if quality.reason else State.UNCERTAIN,
                    reason=quality.reason,
                )
                for detection, quality in zip(detections, qualities, strict=True)
            )
            for detections, qualities in zip(found, judged, strict=True)
        ]
        return tuple(self.look(image, faces) if look else faces for image, faces in zip(images, read, strict=True))

    def _find(self, image: Image, near: Sequence[Box]) -> tuple[Detection, ...]:
        if near and isinstance(self._detector, NearDetector):
            return self._detector.detect_near(image, near)
        return self._detector.detect(image)

    def look(self, image: Image, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        """The same faces, with this picture's age and gender for those that are good enough, where switched on."""
        return faces if self._estimator is None or not faces else self._estimator.look(image, faces)

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
        self._looked_s: float | None = None
        self._last_s: float | None = None
        self._last: tuple[Face, ...] = ()

    def near(self, time_s: float) -> tuple[Box, ...]:
        """Near which places to look for faces in the next frame; none: everywhere. For `Pipeline.read_many`."""
        return self._pipeline.near(time_s, self._last_s, self._last)

    def process(self, frame: Frame, dropped: int = 0) -> FrameResult:
        """Read one frame and place it among those before.

        Args:
            frame: the next frame; its time must not lie before the last one's.
            dropped: frames passed over since the last one, to be told in the result.
        """
        faces = self._pipeline.read(frame.image, look=False, near=self.near(frame.time_s))
        return self.place(frame, faces, dropped)

    def place(self, frame: Frame, faces: tuple[Face, ...], dropped: int = 0) -> FrameResult:
        """The second half of `process`: for faces that `Pipeline.read` found in the frame without a look.

        Whoever reads frames of several sources together (`Pipeline.read_many`) then places each in its own stream.
        """
        if self._gatherer is None:
            return self.follow(frame, self._pipeline.look(frame.image, faces), dropped)
        faces = self._decide(frame, faces)
        if look_due(frame.time_s, self._looked_s):
            # Only now is it known who they are, and so who has been looked at often enough.
            wanted = tuple(face for face in faces if self._gatherer.wants(face))
            seen = dict(zip(map(id, wanted), self._pipeline.look(frame.image, wanted), strict=True))
            faces = tuple(seen.get(id(face), face) for face in faces)
        self._looked_s = frame.time_s
        return self._result(frame, faces, dropped)

    def follow(self, frame: Frame, faces: tuple[Face, ...], dropped: int = 0) -> FrameResult:
        """Give ids, smooth and decide for faces that `Pipeline.read` found in the frame, now or in an earlier run."""
        return self._result(frame, self._decide(frame, faces), dropped)

    def _decide(self, frame: Frame, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        if self._tracker is not None:
            self._last_s, self._last = frame.time_s, faces
            faces = self._tracker.track(frame, faces)
        return self._smoother.smooth(frame, faces)

    def _result(self, frame: Frame, faces: tuple[Face, ...], dropped: int) -> FrameResult:
        if self._gatherer is not None:
            faces = self._gatherer.gather(faces)
        return FrameResult(frame, faces, (time.perf_counter() - frame.captured_s) * 1000, dropped)

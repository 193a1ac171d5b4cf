"""The line that a frame goes along: the only place where the stages meet.

source ──▶ detect ──▶ judge, align ──▶ classify ──▶ track ──▶ smooth ──▶ result
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from mimik.realtime import Realtime
from mimik.types import (
    Aligner,
    Classifier,
    Detector,
    EmotionScores,
    Face,
    Frame,
    FrameResult,
    Gate,
    Image,
    Smoother,
    Source,
    SourceKind,
    State,
    Tracker,
)

if TYPE_CHECKING:
    from mimik.config import Settings

__all__ = ["Pipeline", "Stream"]


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

    Attributes:
        identity: as given.
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
    ) -> None:
        self.identity = identity
        self._detector = detector
        self._gate = gate
        self._aligner = aligner
        self._classifier = classifier
        self._tracker = tracker
        self._smoother = smoother

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

    def read(self, image: Image) -> tuple[Face, ...]:
        """Find and read the faces of one picture, left to right, without memory of any other.

        Every readable face goes through the network in one batch. States are not decided here; `Stream` does that.
        """
        detections = sorted(self._detector.detect(image), key=lambda detection: detection.box.x1)
        qualities = [self._gate.judge(image, detection) for detection in detections]
        readable = [i for i, quality in enumerate(qualities) if quality.reason is None]
        crops = [self._aligner.align(image, detections[i]) for i in readable]
        scores = dict(zip(readable, self._classifier.classify(crops) if crops else (), strict=True))
        return tuple(
            Face(
                detection=detection,
                quality=quality,
                emotions=scores.get(i, EmotionScores(None)),
                state=State.WITHHELD if quality.reason else State.UNCERTAIN,
                reason=quality.reason,
            )
            for i, (detection, quality) in enumerate(zip(detections, qualities, strict=True))
        )

    def stream(self, kind: SourceKind) -> Stream:
        """Start to follow one source whose frames are handed over one by one."""
        return Stream(self, None if kind is SourceKind.PICTURES else self._tracker(), self._smoother(kind))

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

    def __init__(self, pipeline: Pipeline, tracker: Tracker | None, smoother: Smoother) -> None:
        self._pipeline = pipeline
        self._tracker = tracker
        self._smoother = smoother

    def process(self, frame: Frame, dropped: int = 0) -> FrameResult:
        """Read one frame and place it among those before.

        Args:
            frame: the next frame; its time must not lie before the last one's.
            dropped: frames passed over since the last one, to be told in the result.
        """
        return self.follow(frame, self._pipeline.read(frame.image), dropped)

    def follow(self, frame: Frame, faces: tuple[Face, ...], dropped: int = 0) -> FrameResult:
        """Give ids, smooth and decide for faces that `Pipeline.read` found in the frame, now or in an earlier run."""
        if self._tracker is not None:
            faces = self._tracker.track(frame, faces)
        faces = self._smoother.smooth(frame, faces)
        return FrameResult(frame, faces, (time.perf_counter() - frame.captured_s) * 1000, dropped)

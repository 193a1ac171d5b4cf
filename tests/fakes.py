"""Stages and sources that do what a test tells them, without weights, files or cameras."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mimik.pipeline import Pipeline
from mimik.types import (
    Box,
    Classifier,
    Detection,
    Detector,
    Emotion,
    EmotionScores,
    Estimator,
    Face,
    Finder,
    Frame,
    Image,
    Quality,
    Reason,
    Smoother,
    SourceKind,
    State,
    Tracker,
)


def scores(top: Emotion = Emotion.HAPPY, confidence: float = 0.88) -> EmotionScores:
    """A reading with one likeliest expression; the others share the rest."""
    probabilities = np.full(7, (1 - confidence) / 6, np.float32)
    probabilities[tuple(Emotion).index(top)] = confidence
    return EmotionScores(probabilities)


def detection(x: float = 10, y: float = 10, side: float = 40, score: float = 0.9) -> Detection:
    """A square face."""
    return Detection(Box(x, y, x + side, y + side), score)


class FakeDetector:
    """Finds the same faces in every picture."""

    def __init__(self, *found: Detection) -> None:
        self.found = found

    def detect(self, image: Image) -> tuple[Detection, ...]:
        return self.found


class FakeGate:
    """Withholds faces lower than 20 pixels."""

    def judge(self, image: Image, detection: Detection) -> Quality:
        return Quality(0.1, Reason.TOO_SMALL) if detection.box.height < 20 else Quality(0.9)


class FakeAligner:
    """Cuts an even crop whose gray value is the face's left edge."""

    def align(self, image: Image, detection: Detection) -> NDArray[np.uint8]:
        return np.full((48, 48), int(detection.box.x1) % 256, np.uint8)


class FakeClassifier:
    """Reads what it was told, after an optional pause, and remembers the batches."""

    def __init__(self, reading: EmotionScores | None = None, pause_s: float = 0.0) -> None:
        self.reading = reading or scores()
        self.pause_s = pause_s
        self.batches: list[int] = []

    def classify(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[EmotionScores, ...]:
        self.batches.append(len(crops))
        time.sleep(self.pause_s)
        return (self.reading,) * len(crops)


class FakeTracker:
    """Numbers faces by their place in the frame."""

    def track(self, frame: Frame, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        return tuple(replace(face, track_id=number) for number, face in enumerate(faces, 1))


class FakeSmoother:
    """Believes every readable face."""

    def __init__(self, kind: SourceKind) -> None:
        self.kind = kind

    def smooth(self, frame: Frame, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        return tuple(
            face if face.state is State.WITHHELD else replace(face, state=State.SURE, label=face.emotions.top)
            for face in faces
        )


def fake_pipeline(
    *found: Detection,
    classifier: Classifier | None = None,
    detector: Detector | None = None,
    estimator: Estimator | None = None,
    finder: Callable[[], Finder] | None = None,
    turn_s: float = 0.0,
    workers: int = 1,
) -> Pipeline:
    """A pipeline of fake stages, but for those that are given."""

    def tracker() -> Tracker:
        return FakeTracker()

    def smoother(kind: SourceKind) -> Smoother:
        return FakeSmoother(kind)

    return Pipeline(
        detector or FakeDetector(*(found or (detection(),))),
        FakeGate(),
        FakeAligner(),
        classifier or FakeClassifier(),
        tracker,
        smoother,
        "fake",
        estimator,
        finder=finder,
        turn_s=turn_s,
        workers=workers,
    )


class FakeSource:
    """Gives black frames, at a pace or at once, and can break.

    Args:
        frames: how many.
        fps: pace; 0 gives them at once.
        kind: how they belong together.
        error: raised after the last frame.
    """

    name = "fake"

    def __init__(
        self,
        frames: int,
        fps: float = 0,
        kind: SourceKind = SourceKind.VIDEO,
        error: Exception | None = None,
    ) -> None:
        self.kind = kind
        self._frames = frames
        self._fps = fps
        self._error = error
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        start = time.perf_counter()
        for index in range(self._frames):
            if self._fps:
                self.closed.wait(max(0.0, start + index / self._fps - time.perf_counter()))
            if self.closed.is_set():
                return
            yield Frame(
                np.zeros((90, 160, 3), np.uint8), index, index / (self._fps or 30), time.perf_counter(), self.name
            )
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self.closed.set()

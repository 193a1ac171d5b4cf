"""Fake stages that remember, and fake videos whose faces depend on the frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
from numpy.typing import NDArray

from mimik.errors import SourceError
from mimik.pipeline import Pipeline
from mimik.types import (
    Box,
    Detection,
    Emotion,
    EmotionScores,
    Face,
    Frame,
    Image,
    Quality,
    Reason,
    Smoother,
    SourceKind,
    State,
    Tracker,
)

FPS = 29.97


class Clip:
    """A fake video: frame i is gray 21 i % 251. May break.

    Args:
        path: its name.
        start: first frame to give.
        frames: how many there are.
        error: raised after the last one.
        kind: how its frames belong together.
    """

    def __init__(
        self,
        path: Path,
        start: int,
        frames: int,
        error: str | None = None,
        kind: SourceKind = SourceKind.VIDEO,
    ) -> None:
        self.kind = kind
        self.name = str(path)
        self.frame_count = frames
        self.closed = False
        self._start = start
        self._error = error

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self._start, self.frame_count):
            image = np.full((48, 64, 3), index * 21 % 251, np.uint8)
            yield Frame(image, index, index / FPS, source=self.name)
        if self._error:
            raise SourceError("{path}: broke.", path=self.name)

    def close(self) -> None:
        self.closed = True


class Finder:
    """Finds none to three faces, by the frame's gray; counts; can raise at a frame it has not passed before.

    Attributes:
        calls: frames it was asked about.
    """

    def __init__(self, stop_at: int | None = None, event: Event | None = None) -> None:
        self.calls = 0
        self._stop_at = stop_at
        self._event = event

    def detect(self, image: Image) -> tuple[Detection, ...]:
        if self.calls == self._stop_at:
            if self._event is None:
                raise KeyboardInterrupt
            self._event.set()
        self.calls += 1
        gray = int(image[0, 0, 0])
        rng = np.random.default_rng(gray)
        found = []
        for _ in range(gray % 4):
            x, y = rng.uniform(0, 40, 2)
            landmarks = rng.normal(20, 9, (5, 2)).astype(np.float32)
            found.append(Detection(Box(x, y, x + 9.1, y + 11.3), float(rng.random()), landmarks))
        return tuple(found)


class Judge:
    """Withholds what has a low score."""

    def judge(self, image: Image, detection: Detection) -> Quality:
        return Quality(detection.score / 2, Reason.BLURRED if detection.score < 0.2 else None)


class Cutter:
    """Passes the face's place on as a crop."""

    def align(self, image: Image, detection: Detection) -> NDArray[np.uint8]:
        return np.full((4, 4), int(detection.box.x1 * 6), np.uint8)


class Reader:
    """Reads from the crop's gray."""

    def classify(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[EmotionScores, ...]:
        readings = []
        for crop in crops:
            raw = np.random.default_rng(int(crop[0, 0])).random(7)
            readings.append(EmotionScores((raw / raw.sum()).astype(np.float32)))
        return tuple(readings)


class Counter:
    """A tracker with a memory: an id is the count of faces seen so far."""

    def __init__(self) -> None:
        self._seen = 0

    def track(self, frame: Frame, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        tracked = []
        for face in faces:
            self._seen += 1
            tracked.append(replace(face, track_id=self._seen))
        return tuple(tracked)


class Blender:
    """A smoother with a memory: blends each reading into all before, by time."""

    def __init__(self, kind: SourceKind) -> None:
        self._kind = kind
        self._time_s = 0.0
        self._mean = np.full(7, 1 / 7, np.float64)

    def smooth(self, frame: Frame, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        smoothed = []
        for face in faces:
            if face.emotions.probabilities is not None:
                weight = np.exp(-(frame.time_s - self._time_s) / 0.4)
                self._mean = weight * self._mean + (1 - weight) * face.emotions.probabilities
                self._time_s = frame.time_s
                mean = (self._mean / self._mean.sum()).astype(np.float32)
                label = tuple(Emotion)[int(mean.argmax())]
                face = replace(face, emotions=EmotionScores(mean), label=label, state=State.SURE)
            smoothed.append(face)
        return tuple(smoothed)


def pipeline(finder: Finder | None = None, identity: str = "fakes") -> Pipeline:
    """A line whose results depend on every frame before."""

    def tracker() -> Tracker:
        return Counter()

    def smoother(kind: SourceKind) -> Smoother:
        return Blender(kind)

    return Pipeline(finder or Finder(), Judge(), Cutter(), Reader(), tracker, smoother, identity)


def opener(path: Path, start: int) -> Clip:
    """What a path's name says: ``30.mp4``, ``12-broken.mp4``, ``0-none.mp4``, ``1.jpg``."""
    count, _, word = path.stem.partition("-")
    if word == "missing":
        raise SourceError("{path}: there is no such file.", path=path)
    return Clip(
        path,
        start,
        int(count),
        error=word if word == "broken" else None,
        kind=SourceKind.PICTURES if path.suffix == ".jpg" else SourceKind.VIDEO,
    )

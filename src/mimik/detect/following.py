"""The faces of one source, frame after frame: searched now and then, followed between.

At the first frame of each turn the whole picture is searched. From frame to frame faces are moved on by optical flow;
one that cannot be followed is looked for near its place, and where that fails, the whole picture is searched.
"""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np

from mimik.detect.flow import moved
from mimik.detect.nearby import Nearby, once
from mimik.types import Detection, Frame, Gray

__all__ = ["FaceFinder"]

_GAP_S = 0.2
"""Frames further apart are not compared: too much may have moved."""


class Turn(Protocol):
    """Whether a frame begins a turn, given its time and the last frame's; see `mimik.pipeline.Pipeline.turn`."""

    def __call__(self, time_s: float, last_s: float | None) -> bool: ...


class FaceFinder:
    """Finds the faces of one source. Holds state: one instance a source, not to be shared between threads.

    Args:
        detector: what finds faces in whole pictures and near places.
        turn: says which frames are searched whole, whatever was known before.
    """

    def __init__(self, detector: Nearby, turn: Turn) -> None:
        self._detector = detector
        self._turn = turn
        self._last_s: float | None = None
        self._gray: Gray | None = None
        self._faces: tuple[Detection, ...] = ()

    def find(self, frame: Frame) -> tuple[Detection, ...]:
        """The faces of the next frame, boxes within its borders."""
        found = None
        if self._faces and not self._turn(frame.time_s, self._last_s):
            found = self._follow(frame)
        if found is None:
            found = self._detector.detect(frame.image)
            self._gray = None if not found else _gray(frame)
        self._last_s, self._faces = frame.time_s, found
        return found

    def _follow(self, frame: Frame) -> tuple[Detection, ...] | None:
        """The known faces; None where one of them is not found again."""
        before, now = self._gray, _gray(frame)
        self._gray = now
        assert self._last_s is not None
        if before is None or before.shape != now.shape or not 0 <= frame.time_s - self._last_s <= _GAP_S:
            there: list[Detection | None] = [None] * len(self._faces)
        else:
            there = [moved(before, now, face) for face in self._faces]
        lost = [face.box for face, where in zip(self._faces, there, strict=True) if where is None]
        followed = [where for where in there if where is not None]
        if not lost:
            return tuple(followed)
        again = self._detector.detect_near(frame.pixels, lost)
        if again is None:
            return None
        there_now = once([*again, *followed])
        # Near a lost one's place its neighbour may have been found, who is known already.
        return there_now if len(there_now) >= len(self._faces) else None


def _gray(frame: Frame) -> Gray:
    pixels = frame.pixels
    return pixels if pixels.ndim == 2 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)

"""Looking for faces where they were a moment ago: a detector that is shown small crops instead of the whole picture.

A network's time grows with the pixels it goes over. Around a known face a crop of 160 × 160 pixels tells all; the
whole picture is looked at where a face is not found again, and where crops would save little.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from mimik.detect.network import suppress
from mimik.types import Box, Detection, Detector, Gray, Image

__all__ = ["Crop", "Nearby", "Weighed", "crops", "once"]

_FACE = 64
"""Side, in pixels, to which a known face is shrunk: the networks find faces of 40 to 300 best."""
_MARGIN = 0.75
"""Looked at around a face on each side, in its own sides: how far it may move between two frames."""
_STEP = 32
"""Sizes of crops are multiples of it, as the networks want them."""
_SHARE = 0.6
"""Crops dearer than this share of the whole picture are not worth what they may miss."""
_OVERLAP = 0.3
_CUT = 1.0
"""A detection this near to where a crop was cut off, in pixels of the picture, is part of something larger."""
_ASTRAY = 0.5
"""How far from its old box's edge, in that box's sides, a face's centre still counts as the same place."""


class Weighed(Detector, Protocol):
    """A detector that can say what a picture costs."""

    def pixels(self, width: int, height: int) -> int:
        """How many pixels its network goes over for a picture of this size."""
        ...


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of a picture and the size at which it is shown.

    Attributes:
        x1: left edge, pixels of the picture.
        y1: upper edge.
        x2: right edge, outside.
        y2: lower edge, outside.
        columns: width shown; never more than the part has.
        rows: height shown; never more than the part has.
    """

    x1: int
    y1: int
    x2: int
    y2: int
    columns: int
    rows: int

    def cut(self, image: Image | Gray) -> Image | Gray:
        """The part as it is shown."""
        part = image[self.y1 : self.y2, self.x1 : self.x2]
        if part.shape[:2] == (self.rows, self.columns):
            return np.ascontiguousarray(part)
        return np.asarray(cv2.resize(part, (self.columns, self.rows), interpolation=cv2.INTER_AREA), np.uint8)

    def back(self, found: Detection) -> Detection:
        """The same detection in pixels of the picture."""
        scale = np.array(((self.x2 - self.x1) / self.columns, (self.y2 - self.y1) / self.rows))
        corner = np.array((self.x1, self.y1))
        left, upper = (np.array(found.box[:2]) * scale + corner).tolist()
        right, lower = (np.array(found.box[2:]) * scale + corner).tolist()
        marks = found.landmarks
        points = None if marks is None else (marks * scale + corner).astype(np.float32)
        return Detection(Box(left, upper, right, lower), found.score, points)

    def cuts(self, box: Box, width: int, height: int) -> bool:
        """Whether a box, in pixels of the picture, reaches an edge of the part that is none of the picture."""
        return (
            (self.x1 > 0 and box.x1 < self.x1 + _CUT)
            or (self.y1 > 0 and box.y1 < self.y1 + _CUT)
            or (self.x2 < width and box.x2 > self.x2 - _CUT)
            or (self.y2 < height and box.y2 > self.y2 - _CUT)
        )


def crops(near: Sequence[Box], width: int, height: int) -> list[Crop]:
    """What to look at to find faces again: parts that overlap are one where that is no dearer.

    Args:
        near: where they were, with some part of each within the picture.
        width: the picture's, pixels.
        height: the picture's, pixels.
    """
    parts: list[_Part] = []
    for box in near:
        side = max(box.width, box.height)
        margin = _MARGIN * side
        region = Box(
            max(0.0, box.x1 - margin),
            max(0.0, box.y1 - margin),
            min(float(width), box.x2 + margin),
            min(float(height), box.y2 + margin),
        )
        part = _Part.around(region, min(1.0, _FACE / side), width, height)
        joined: _Part | None = part
        while joined is not None:
            part = joined
            joined = None
            for other in parts:
                joined = part.joined(other, width, height)
                if joined is not None:
                    parts.remove(other)
                    break
        parts.append(part)
    return [part.crop for part in parts]


@dataclass(frozen=True, slots=True)
class _Part:
    """What must be looked at, at which scale, and the crop that does."""

    region: Box
    scale: float
    crop: Crop

    @staticmethod
    def around(region: Box, scale: float, width: int, height: int) -> _Part:
        x1, x2, columns = _spread(region.x1, region.x2, scale, width)
        y1, y2, rows = _spread(region.y1, region.y2, scale, height)
        return _Part(region, scale, Crop(x1, y1, x2, y2, columns, rows))

    def joined(self, other: _Part, width: int, height: int) -> _Part | None:
        """One part for both, where they overlap and it has no more pixels than they have."""
        one, two = self.crop, other.crop
        if one.x1 >= two.x2 or two.x1 >= one.x2 or one.y1 >= two.y2 or two.y1 >= one.y2:
            return None
        a, b = self.region, other.region
        region = Box(min(a.x1, b.x1), min(a.y1, b.y1), max(a.x2, b.x2), max(a.y2, b.y2))
        part = _Part.around(region, max(self.scale, other.scale), width, height)  # the smallest face decides
        dearer = part.crop.columns * part.crop.rows > one.columns * one.rows + two.columns * two.rows
        return None if dearer else part


def _spread(start: float, stop: float, scale: float, end: int) -> tuple[int, int, int]:
    """From where to where to look on one axis, and how many pixels to show of it: at least from start to stop."""
    # A thousandth less: what is a multiple but for rounding must not become the next one.
    shown = max(1, math.ceil(((stop - start) * scale - 1e-3) / _STEP)) * _STEP
    length = min(end, max(math.ceil(shown / scale), math.ceil(stop) - math.floor(start)))
    first = min(max(0, math.floor((start + stop - length) / 2)), end - length, math.floor(start))
    return first, first + length, min(shown, length)


class Nearby:
    """A detector that can also look near places alone.

    Args:
        detector: what finds faces, in whole pictures and in crops.
    """

    def __init__(self, detector: Weighed) -> None:
        self._detector = detector

    def detect(self, image: Image) -> tuple[Detection, ...]:
        """The faces of a picture, boxes within its borders, best first."""
        return self._detector.detect(image)

    def detect_near(self, pixels: Image | Gray, near: Sequence[Box]) -> tuple[Detection, ...] | None:
        """The faces at and around places, best first.

        Args:
            pixels: ``(H, W, 3)`` uint8, BGR, or its luma, ``(H, W)``.
            near: where faces were a moment ago, at least one.

        Returns:
            None where one of them is not found again, or where it would hardly be less work than the whole picture.
        """
        height, width = pixels.shape[:2]
        if any(box.x1 >= width or box.y1 >= height or box.x2 <= 0 or box.y2 <= 0 for box in near):
            return None
        parts = crops(near, width, height)
        cost = sum(self._detector.pixels(crop.columns, crop.rows) for crop in parts)
        if cost > _SHARE * self._detector.pixels(width, height):
            return None
        found = once([face for crop in parts for face in self._look(pixels, crop)])
        return found if _all_again(near, found) else None

    def _look(self, pixels: Image | Gray, crop: Crop) -> list[Detection]:
        height, width = pixels.shape[:2]
        part = crop.cut(pixels)
        colours = part if part.ndim == 3 else np.asarray(cv2.cvtColor(part, cv2.COLOR_GRAY2BGR), np.uint8)
        found = [crop.back(face) for face in self._detector.detect(colours)]
        return [face for face in found if not crop.cuts(face.box, width, height)]


def once(found: Sequence[Detection]) -> tuple[Detection, ...]:
    """Each face once, best first: crops may overlap, and places beside a face that moved."""
    boxes = np.array([face.box for face in found], np.float32).reshape(-1, 4)
    scores = np.array([face.score for face in found], np.float32)
    return tuple(found[index] for index in suppress(boxes, scores, _OVERLAP))


def _all_again(near: Sequence[Box], found: Sequence[Detection]) -> bool:
    """Whether for every place there is a face of its own that lies there."""
    left = [face.box.centre for face in found]
    for box in near:
        x, y = box.centre
        reach = _ASTRAY * max(box.width, box.height)
        here = [
            (cx, cy)
            for cx, cy in left
            if abs(cx - x) <= box.width / 2 + reach and abs(cy - y) <= box.height / 2 + reach
        ]
        if not here:
            return False
        left.remove(min(here, key=lambda centre: math.dist(centre, (x, y))))
    return True

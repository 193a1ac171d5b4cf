"""Judging whether a face can be read, before it is: a reading that nobody should trust is withheld, with its reason."""

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mimik.types import Box, Detection, Gray, Image, Quality, Reason

__all__ = ["QualityGate"]


class _Limits(NamedTuple):
    """Where an aspect of a face withholds its reading, and from where on it is as good as it gets."""

    withheld: float
    good: float

    def grade(self, value: float) -> float:
        """1 for a good value, falling to 0 at the limit and staying there beyond it."""
        return min(1.0, max(0.0, (value - self.withheld) / (self.good - self.withheld)))


# The limits come from 800 faces of FER-2013's PublicTest composed into pictures, detected, aligned and read by an early
# network that was right in 63 %, made worse step by step; the good ends from what 98 % of the untouched faces reach.

# The face's height in pixels: 63 % right at 60 pixels, 61 % at 40, 60 % at 28, 57 % at 24, 55 % at 20, 48 % at 16. The
# limit itself is the user's.
_GOOD_HEIGHT = 64.0
# The luma, 0-255, that the brightest tenth of a face exceeds, which depends less on the skin than a mean does. Darkened
# with noise added: 61 % right around a median of 97, 55 % at 48, 48 % at 29, 29 % at 19.
_BRIGHTEST = _Limits(36.0, 105.0)
# The share of a face that is burnt out, above 250: 59 % right at a median of 0.38, 45 % at 0.78.
_BURNT = _Limits(0.6, 0.02)
# Natural logarithm of the variance of a face's Laplacian at 32x32, over the variance of its luma. Blurred by 2 % of its
# height: 59 % right at a median of 0.21, by 3 %: 51 % at 0.11, by 4 %: 42 % at 0.07, by 6 %: 32 % at 0.04.
_SHARPNESS = _Limits(math.log(0.08), math.log(0.29))
# The share of a face's area outside of the picture. Cut from below: 59 % right at a median of 0.12, 57 % at 0.16, 43 %
# at 0.22; from above 61 % at 0.11, 52 % at 0.19, 36 % at 0.27.
_MISSING = _Limits(0.18, 0.05)
# Degrees to the side. Half of PublicTest's faces are turned by less than 10 degrees, one or two in a hundred by more
# than 60: what a network says of those it has hardly learnt. (Right: 67 % below 10 degrees, 55 % of the 290 faces at
# 30-50, 48 % of the 61 at 50-60; too few beyond to say.)
_YAW = _Limits(60.0, 20.0)
# How far down from eyes to mouth the nose's tip lies: 0.55, and 99 of 100 faces between 0.40 and 0.66. Looking up makes
# it less, looking down more.
_NOSE_HEIGHT = 0.55
_PITCH = _Limits(0.18, 0.10)

_SIDE = 32
_INNER = 0.8  # of a box's width and height: hair and background judge nobody

# A face seen from the front has its eyes 1.05 times as far apart as they are above the mouth; in profile the nose's tip
# lies 0.38 of that before them (least squares over 491 faces of WIDER FACE's validation set).
_EYES_APART = 1.05
_NOSE_BEFORE = 0.38
# A box of CenterFace by the same measure, and where its middle lies below the middle of eyes and mouth.
_BOX_HEIGHT = 2.65
_BOX_WIDTH = 2.15
_BOX_RAISED = 0.13


class QualityGate:
    """Withholds faces that are too small, cut by the border, dark, burnt out, blurred or turned away.

    The score is that of the face's worst aspect: 1 where every aspect is as good as on ordinary photographs, 0 where
    one of them withholds the reading, linear between. Without landmarks nothing is said about the turn, and a face is
    cut off where its box touches two borders.

    Args:
        smallest: faces lower than this, in pixels, are withheld.
    """

    def __init__(self, smallest: float = 28) -> None:
        self._height = _Limits(smallest, max(_GOOD_HEIGHT, 1.5 * smallest))

    def judge(self, image: Image | Gray, detection: Detection) -> Quality:
        """The score of a face and, where its reading is withheld, why."""
        box = detection.box
        if box.height < self._height.withheld:
            return Quality(0.0, Reason.TOO_SMALL)
        points = detection.landmarks
        pose = _pose(points.astype(np.float64)) if points is not None and np.isfinite(points).all() else None
        luma = _luma(image, box)
        grades = {
            Reason.CUT_OFF: _MISSING.grade(_missing(image, box, pose)),
            Reason.DARK: _BRIGHTEST.grade(float(np.percentile(luma, 90))),
            Reason.OVEREXPOSED: _BURNT.grade(float((luma > 250).mean())),
            Reason.BLURRED: _SHARPNESS.grade(_sharpness(luma)),
        }
        if pose is not None:
            nod = abs(pose.nose_height - _NOSE_HEIGHT)
            grades[Reason.TURNED_AWAY] = min(_YAW.grade(pose.yaw), _PITCH.grade(nod))
        for reason, grade in grades.items():
            if grade == 0:
                return Quality(0.0, reason)
        # A face of just the smallest height is read, so its grade must not be 0.
        return Quality(min(max(self._height.grade(box.height), 0.01), *grades.values()))


class _Pose(NamedTuple):
    """How five landmarks lie."""

    middle: tuple[float, float]
    """The middle between eyes and mouth."""
    unit: float
    """From the eyes' middle to the mouth's, in pixels."""
    yaw: float
    """Degrees to either side, 0-90."""
    nose_height: float
    """The way down to the nose's tip, of the way from eyes to mouth."""


def _pose(points: NDArray[np.float64]) -> _Pose | None:
    """None where eyes and mouth lie in one place."""
    left_eye, right_eye, nose, left_mouth, right_mouth = points
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    down = mouth - eyes
    unit = math.hypot(*down)
    if unit < 1e-3:
        return None
    # As in aligning, upright is by the eyes and by the way to the mouth together.
    level = right_eye - left_eye + (down[1], -down[0])
    length = math.hypot(*level)
    if length < 1e-3:
        return None
    across = level / length
    along = np.array([-across[1], across[0]])
    sine = abs(float((nose - eyes) @ across)) / unit / _NOSE_BEFORE
    cosine = max(0.0, float((right_eye - left_eye) @ across)) / unit / _EYES_APART
    x, y = ((eyes + mouth) / 2).tolist()
    return _Pose((x, y), unit, math.degrees(math.atan2(sine, cosine)), float((nose - eyes) @ along) / unit)


def _missing(image: Image | Gray, box: Box, pose: _Pose | None) -> float:
    """The share of a face's area outside of the picture, 0-1.

    A detector cuts its boxes to the picture, so that they cannot tell; the face that belongs to the landmarks can.
    """
    height, width = image.shape[:2]
    if pose is None:
        touched = (box.x1 <= 1) + (box.y1 <= 1) + (box.x2 >= width - 1) + (box.y2 >= height - 1)
        return 0.0 if touched < 2 else 1.0
    tall, wide = _BOX_HEIGHT * pose.unit, _BOX_WIDTH * pose.unit
    x, y = pose.middle[0], pose.middle[1] - _BOX_RAISED * pose.unit
    inside_x = min(width, x + wide / 2) - max(0.0, x - wide / 2)
    inside_y = min(height, y + tall / 2) - max(0.0, y - tall / 2)
    return float(1 - max(0.0, inside_x) * max(0.0, inside_y) / (wide * tall))


def _luma(image: Image | Gray, box: Box) -> NDArray[np.float32]:
    """The inner part of a face, ``(32, 32)`` float32, 0-255."""
    x, y = box.centre
    wide, tall = box.width * _INNER / 2, box.height * _INNER / 2
    part = image[Box(x - wide, y - tall, x + wide, y + tall).slices(image)]
    shrinks = part.shape[0] > _SIDE
    small = cv2.resize(part, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), dtype=np.float32)


def _sharpness(luma: NDArray[np.float32]) -> float:
    """See `_SHARPNESS`; contrast does not change it."""
    detail = float(np.var(np.asarray(cv2.Laplacian(luma, cv2.CV_32F))))
    return math.log(detail / max(float(np.var(luma)), 1.0) + 1e-6)

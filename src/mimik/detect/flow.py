"""Moving known faces on from one picture to the next by optical flow, without a network.

A grid of points in each face is looked up in the next picture (Lucas and Kanade 1981, in pyramids: Bouguet 2000), there
and back; points that do not come home are dropped, and the others vote for one shift, turn and scale, as in Median Flow
(Kalal et al. 2010). A face whose points do not agree is not moved: somebody must look.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from mimik.types import Box, Detection, Gray

__all__ = ["moved"]

_FACE = 48
"""Height, in pixels, to which a face is shrunk; larger ones gain nothing."""
_MARGIN = 0.35
"""Seen around a face on each side, in its own sides."""
_GRID = 5
_INNER = 0.7
"""Share of a box's width and height that the grid spans: what lies beyond is background more often."""
_HOME = 0.7
"""How far from its start a point may come home, in shrunk pixels."""
_LEAST = 0.5
"""Share of the points that must come home, and of these that must agree."""
_ASTRAY = 1.2
"""How far from the common movement a point may lie, in shrunk pixels."""
_DARKER = 16.0
"""Mean difference of a point's surroundings from where it was, in gray values, from which on it is another thing."""

_look_up = partial(
    cv2.calcOpticalFlowPyrLK,
    nextPts=None,
    winSize=(11, 11),
    maxLevel=2,
    criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 12, 0.02),
    minEigThreshold=1e-3,
)

_steps = (np.arange(_GRID, dtype=np.float32) + 0.5) / _GRID - 0.5
_PLACES = np.stack(np.meshgrid(_steps, _steps), axis=-1).reshape(-1, 2) * np.float32(_INNER)


def moved(before: Gray, after: Gray, face: Detection) -> Detection | None:
    """A face where it is in the next picture.

    Args:
        before: ``(H, W)`` uint8.
        after: the next picture, of the same size.
        face: of `before`.

    Returns:
        The same face with its box and landmarks moved; None where it cannot be followed, or has reached a border of
        the picture.
    """
    height, width = before.shape
    box = face.box
    side = max(box.width, box.height)
    margin = _MARGIN * side
    x1, y1 = max(0, math.floor(box.x1 - margin)), max(0, math.floor(box.y1 - margin))
    x2, y2 = min(width, math.ceil(box.x2 + margin)), min(height, math.ceil(box.y2 + margin))
    scale = min(1.0, _FACE / box.height)
    size = max(16, round((x2 - x1) * scale)), max(16, round((y2 - y1) * scale))
    scale_x, scale_y = size[0] / (x2 - x1), size[1] / (y2 - y1)
    was = cv2.resize(before[y1:y2, x1:x2], size, interpolation=cv2.INTER_AREA)
    now = cv2.resize(after[y1:y2, x1:x2], size, interpolation=cv2.INTER_AREA)
    x, y = box.centre
    points = _PLACES * (box.width * scale_x, box.height * scale_y) + ((x - x1) * scale_x, (y - y1) * scale_y)
    points = points.astype(np.float32)[:, None]
    there, seen, unlike = _look_up(was, now, points)
    home, back, _ = _look_up(now, was, there)
    astray = np.abs(home - points).max(axis=(1, 2))
    good = (seen[:, 0] == 1) & (back[:, 0] == 1) & (astray < _HOME) & (unlike[:, 0] < _DARKER)
    if good.sum() < _LEAST * len(points):
        return None
    turn = _similarity(points[good, 0], there[good, 0])
    if turn is None:
        return None
    # From shrunk pixels of the part to pixels of the picture.
    across, along, shift_x, shift_y = turn
    origin = np.array((x1, y1), np.float64)
    scales = np.array((scale_x, scale_y))

    def carry(places: NDArray[np.float64]) -> NDArray[np.float64]:
        shrunk = (places - origin) * scales
        turned = np.stack(
            [
                across * shrunk[:, 0] - along * shrunk[:, 1] + shift_x,
                along * shrunk[:, 0] + across * shrunk[:, 1] + shift_y,
            ],
            axis=1,
        )
        return np.asarray(turned / scales + origin)

    middle = carry(np.array([[x, y]]))[0]
    growth = math.hypot(across, along)
    half = box.width * growth / 2, box.height * growth / 2
    x1_, y1_ = float(middle[0] - half[0]), float(middle[1] - half[1])
    x2_, y2_ = float(middle[0] + half[0]), float(middle[1] + half[1])
    if x1_ < 1 or y1_ < 1 or x2_ > width - 1 or y2_ > height - 1:
        return None
    marks = face.landmarks
    return replace(
        face,
        box=Box(x1_, y1_, x2_, y2_),
        landmarks=None if marks is None else carry(marks.astype(np.float64)).astype(np.float32),
    )


def _similarity(start: NDArray[np.float32], end: NDArray[np.float32]) -> tuple[float, float, float, float] | None:
    """One shift, turn and scale for most of the points: ``(a, b, x, y)`` of x' = a x - b y + x, y' = b x + a y + y.

    Least squares (Umeyama 1991), once for all points and once for those that agree with it.
    """
    chosen = np.ones(len(start), bool)
    turn = (1.0, 0.0, 0.0, 0.0)
    for _ in range(2):
        one, two = start[chosen].astype(np.float64), end[chosen].astype(np.float64)
        mean_one, mean_two = one.mean(0), two.mean(0)
        one, two = one - mean_one, two - mean_two
        spread = float((one**2).sum())
        if spread < 1e-6:
            return None
        a = float((one * two).sum()) / spread
        b = float((one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]).sum()) / spread
        turn = (
            a,
            b,
            float(mean_two[0] - a * mean_one[0] + b * mean_one[1]),
            float(mean_two[1] - b * mean_one[0] - a * mean_one[1]),
        )
        off_x = a * start[:, 0] - b * start[:, 1] + turn[2] - end[:, 0]
        off_y = b * start[:, 0] + a * start[:, 1] + turn[3] - end[:, 1]
        agree = np.hypot(off_x, off_y) < _ASTRAY
        if agree.sum() < _LEAST * len(start):
            return None
        chosen = agree
    return turn

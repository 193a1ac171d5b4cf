"""Moving known faces on from one picture to the next by optical flow, without a network.

A grid of points in each face is looked up in the next picture (Lucas and Kanade 1981, in pyramids: Bouguet 2000), there
and back; points that do not come home are dropped, and the others vote for one shift, turn and scale, as in Median Flow
(Kalal et al. 2010). A face whose points do not agree is not moved: somebody must look.
"""

from __future__ import annotations

import math
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from mimik.types import Box, Detection, Gray

__all__ = ["moved"]

_FACE = 48
"""Faces of twice this height and more, in pixels, are shrunk by whole factors to no less than this."""
_MARGIN = 0.35
"""Seen around a face on each side, in its own sides."""
_GRID = 5
_INNER = 0.7
"""Share of a box's width and height that the grid spans: what lies beyond is background more often."""
_HOME = 0.7
"""How far from its start a point may come home, in shrunk pixels."""
_LEAST = 0.5
"""Share of the points that must come home, and of these that must agree."""
_LEAST_SPREAD = 1e-6
_ASTRAY = 1.2
"""How far from the common movement a point may lie, in shrunk pixels."""
_DARKER = 16.0
"""Mean difference of a point's surroundings from where it was, in gray values, from which on it is another thing."""

_LEAST_SIDE = 16
"""Parts smaller than this, in shrunk pixels, show too little."""

_look_up = partial(
    cv2.calcOpticalFlowPyrLK,
    nextPts=None,
    winSize=(9, 9),
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
    shrink = max(1, int(box.height // _FACE))
    columns, rows = (x2 - x1) // shrink, (y2 - y1) // shrink
    if min(columns, rows) < _LEAST_SIDE:
        return None
    was, now = (_part(picture, x1, y1, columns, rows, shrink) for picture in (before, after))
    x, y = box.centre
    middle, spans = np.array(((x - x1, y - y1), (box.width, box.height)), np.float32) / shrink
    points = (_PLACES * spans + middle)[:, None]
    there, seen, unlike = (np.asarray(values) for values in _look_up(was, now, points))
    home, back, _ = (np.asarray(values) for values in _look_up(now, was, there))
    astray = np.abs(home - points).max(axis=(1, 2))
    good = ((seen * back)[:, 0] == 1) & (astray < _HOME) & (unlike[:, 0] < _DARKER)
    turn = _similarity(points[good, 0].astype(np.float64), there[good, 0].astype(np.float64))
    if turn is None:
        return None
    # From shrunk pixels of the part to pixels of the picture: a turn and scale about the part's corner, and a shift.
    across, along, shift_x, shift_y = turn
    matrix = np.array(((across, -along), (along, across)))
    shift = np.array((x1 + shrink * shift_x, y1 + shrink * shift_y)) - matrix @ (x1, y1)
    middle_x, middle_y = (matrix @ (x, y) + shift).tolist()
    growth = math.hypot(across, along) / 2
    half_x, half_y = box.width * growth, box.height * growth
    there_now = Box(middle_x - half_x, middle_y - half_y, middle_x + half_x, middle_y + half_y)
    if there_now.x1 < 1 or there_now.y1 < 1 or there_now.x2 > width - 1 or there_now.y2 > height - 1:
        return None
    marks = face.landmarks
    return Detection(there_now, face.score, None if marks is None else (marks @ matrix.T + shift).astype(np.float32))


def _part(picture: Gray, x1: int, y1: int, columns: int, rows: int, shrink: int) -> Gray:
    part = picture[y1 : y1 + rows * shrink, x1 : x1 + columns * shrink]
    if shrink == 1:
        return np.ascontiguousarray(part)
    return np.asarray(cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)


def _similarity(start: NDArray[np.float64], end: NDArray[np.float64]) -> tuple[float, float, float, float] | None:
    """One shift, turn and scale for most of the points: ``(a, b, x, y)`` of x' = a x - b y + x, y' = b x + a y + y.

    Least squares (Umeyama 1991), as complex numbers: first for all points, then for those that agree with it.

    Args:
        start: ``(N, 2)``, of the grid's points those that came home.
        end: ``(N, 2)``, where they are now.
    """
    one, two = start.view(np.complex128)[:, 0], end.view(np.complex128)[:, 0]
    for _ in range(2):
        if len(one) < _LEAST * len(_PLACES):
            return None
        from_one = one - one.mean()
        spread = float(np.vdot(from_one, from_one).real)
        if spread < _LEAST_SPREAD:
            return None
        factor = np.vdot(from_one, two - two.mean()) / spread
        shift = two.mean() - factor * one.mean()
        agree = np.abs(factor * one + shift - two) < _ASTRAY
        if agree.all():
            return factor.real, factor.imag, shift.real, shift.imag
        one, two = one[agree], two[agree]
    return None if len(one) < _LEAST * len(_PLACES) else (factor.real, factor.imag, shift.real, shift.imag)

"""Pictures with faces for tests: the two portraits that Mimik brings, and composed ones."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mimik.sources import read_picture
from mimik.sources.portraits import EILEEN_COLLINS, GRACE_HOPPER
from mimik.types import Box, Image

__all__ = ["collins", "compose", "hopper", "overlap"]


def hopper() -> Image:
    """Grace Hopper, ``(600, 512, 3)`` BGR."""
    return read_picture(GRACE_HOPPER)


def collins() -> Image:
    """Eileen Collins, smiling, ``(512, 512, 3)`` BGR."""
    return read_picture(EILEEN_COLLINS)


def compose(
    face: NDArray[np.uint8], size: int = 144, canvas: tuple[int, int] = (320, 240), at: tuple[int, int] | None = None
) -> Image:
    """A picture that holds one square gray face, as FER-2013 frames them.

    Args:
        face: ``(N, N)`` uint8.
        size: the face's side in the picture, in pixels.
        canvas: the picture's width and height.
        at: the face's upper left corner (x, y); None: in the middle.

    Returns:
        ``(height, width, 3)`` BGR, around the face of the one gray that is the median of the face's edge: around
        blurred edges, a detector sees larger faces and misses more.
    """
    edge = np.concatenate([face[0], face[-1], face[:, 0], face[:, -1]])
    picture = np.full((canvas[1], canvas[0]), int(np.median(edge)), dtype=np.uint8)
    x, y = at or ((canvas[0] - size) // 2, (canvas[1] - size) // 2)
    picture[y : y + size, x : x + size] = cv2.resize(face, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR), dtype=np.uint8)


def overlap(one: Box, other: Box) -> float:
    """The share of two boxes that both cover, 0–1 (intersection over union)."""
    width = min(one.x2, other.x2) - max(one.x1, other.x1)
    height = min(one.y2, other.y2) - max(one.y1, other.y1)
    both = max(0.0, width) * max(0.0, height)
    return both / (one.width * one.height + other.width * other.height - both)

"""The bundled source: a camera that moves over two portraits of free use."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from mimik.sources.pictures import read_picture
from mimik.sources.portraits import EILEEN_COLLINS, GRACE_HOPPER
from mimik.types import Frame, Image, SourceKind

__all__ = ["Demo"]

# The wall: the portraits' left upper corners and scales on it, in pixels.
_WALL = (900, 2060)
_PAINT = (172, 166, 154)
_PORTRAITS = (
    (GRACE_HOPPER, (150, 200), 0.9),
    (EILEEN_COLLINS, (740, 130), 1.35),
)

# Where the camera looks: second, centre x, centre y, width of the view, roll in degrees; in a loop.
_POSES = np.array(
    [
        (0.0, 690, 400, 1180, 0.0),
        (3.0, 700, 405, 1100, 1.0),
        (6.0, 400, 410, 620, -1.5),
        (9.0, 430, 400, 560, 0.5),
        (12.0, 1000, 360, 640, 2.0),
        (15.0, 1040, 320, 520, -1.0),
        (17.5, 1330, 330, 600, 0.0),
        (19.5, 1660, 400, 640, 1.0),
        (20.5, 1660, 410, 640, 1.0),
        (23.0, 1010, 380, 860, 0.0),
        (26.0, 690, 400, 1180, 0.0),
    ]
)
_NOISE = 3.0


class Demo:
    """Two faces before a moving camera: they come near, leave the picture partly, and for a moment there is none.

    The same numbers give the same pictures, always. Paced, it is a live source and behaves like a camera: pictures come
    at their time, and whoever is late misses some. Otherwise it is a video.

    Args:
        seconds: how long it lasts; None: for ever.
        fps: pictures a second.
        size: width and height in pixels.
        paced: whether pictures come at their time, or as fast as they are asked for.

    Raises:
        SourceError: Mimik was installed without its pictures.
    """

    name = "demo"

    def __init__(
        self, *, seconds: float | None = None, fps: float = 30, size: tuple[int, int] = (640, 360), paced: bool = True
    ) -> None:
        self.kind = SourceKind.LIVE if paced else SourceKind.VIDEO
        self._count = math.inf if seconds is None else round(seconds * fps)
        self._fps = fps
        self._size = size
        self._paced = paced
        self._closing = threading.Event()
        self._wall = _hang()
        width, height = size
        # One piece of noise, looked at through a window that jumps; light is added to it in the same stroke.
        noise = np.random.default_rng(0).normal(128, _NOISE, (height + 64, width + 64, 3))
        self._noise = noise.round().clip(0, 255).astype(np.uint8)

    def __iter__(self) -> Iterator[Frame]:
        """Pictures until `seconds` are over or it is closed."""
        start = time.perf_counter()
        index = 0
        while index < self._count and not self._closing.is_set():
            if self._paced:
                late = time.perf_counter() - start - index / self._fps
                index += max(0, int(late * self._fps))
                if index >= self._count or self._closing.wait(max(0.0, -late)):
                    return
            yield Frame(self.picture(index), index, index / self._fps, time.perf_counter(), self.name)
            index += 1

    def close(self) -> None:
        """End the iteration at once."""
        self._closing.set()

    def picture(self, index: int) -> Image:
        """The picture with a number: ``(H, W, 3)`` uint8, BGR."""
        width, height = self._size
        time_s = index / self._fps
        x, y, view, roll = _pose(time_s)
        scale = width / view
        turn = cv2.getRotationMatrix2D((x, y), roll, scale)
        turn[:, 2] += np.array((width / 2 - x, height / 2 - y))
        picture = cv2.warpAffine(self._wall, turn, (width, height), borderValue=_PAINT)
        gain = 1 + 0.10 * math.sin(0.7 * time_s) + 0.05 * math.sin(1.9 * time_s + 1)
        # A stride without a common factor visits all 64 × 64 windows before it repeats.
        left, upper = index * 37 % 64, index * 23 % 61
        noise = self._noise[upper : upper + height, left : left + width]
        return np.asarray(cv2.addWeighted(picture, gain, noise, 1.0, -128.0))


def _pose(time_s: float) -> tuple[float, float, float, float]:
    """Centre, width and roll of the view: eased from pose to pose, with a hand's sway."""
    at = time_s % _POSES[-1, 0]
    after = int(np.searchsorted(_POSES[:, 0], at, side="right"))
    before, until = _POSES[after - 1], _POSES[after]
    share = (at - before[0]) / (until[0] - before[0])
    share = share * share * (3 - 2 * share)
    x, y, view, roll = (float(value) for value in before[1:] + share * (until[1:] - before[1:]))
    sway = view / 200
    x += sway * (math.sin(2.1 * time_s) + 0.5 * math.sin(5.3 * time_s))
    y += sway * (math.sin(1.7 * time_s + 1) + 0.5 * math.sin(4.7 * time_s))
    return x, y, view, roll + 0.4 * math.sin(1.3 * time_s)


def _hang() -> Image:
    """The wall with the portraits on it, their edges blurred into it."""
    height, width = _WALL
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    shade = 1.12 - 0.25 * np.hypot(rows / height - 0.4, columns / width - 0.5)
    wall: NDArray[np.float32] = shade[..., None] * np.array(_PAINT, np.float32)
    for file, (x, y), scale in _PORTRAITS:
        portrait = cv2.resize(read_picture(file), None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        h, w = min(portrait.shape[0], height - y), portrait.shape[1]
        mask = np.zeros((h, w), np.float32)
        mask[24 : h - 24, 24 : w - 24] = 1
        mask = cv2.GaussianBlur(mask, (0, 0), 10)[..., None]
        spot = wall[y : y + h, x : x + w]
        spot += mask * (portrait[:h].astype(np.float32) - spot)
    return wall.clip(0, 255).astype(np.uint8)

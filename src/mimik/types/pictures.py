"""Pictures, frames and places in them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Box", "Frame", "Gray", "Image", "Picture"]

Image = NDArray[np.uint8]
"""A picture, ``(H, W, 3)`` uint8, BGR."""

Gray = NDArray[np.uint8]
"""A picture's luma, ``(H, W)`` uint8, 0 black to 255 white."""


class Box(NamedTuple):
    """A rectangle in pixels of its picture; the right and lower edges are outside.

    Attributes:
        x1: left edge.
        y1: upper edge.
        x2: right edge, greater than `x1`.
        y2: lower edge, greater than `y1`.
    """

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        """Pixels from left to right."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """Pixels from top to bottom."""
        return self.y2 - self.y1

    @property
    def centre(self) -> tuple[float, float]:
        """The middle, as (x, y)."""
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    def slices(self, image: Image | Gray) -> tuple[slice, slice]:
        """The rows and columns of a picture that it touches; at least one of each, also for a box outside."""
        height, width = image.shape[:2]
        return _span(self.y1, self.y2, height), _span(self.x1, self.x2, width)


def _span(start: float, stop: float, end: int) -> slice:
    first = min(max(math.floor(start), 0), end - 1)
    return slice(first, max(min(math.ceil(stop), end), first + 1))


class Picture(Protocol):
    """A picture that takes a form only when that is asked for, and then keeps it.

    A decoder gives luma for nothing; colours cost as much as a network's look at a face.
    """

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        ...

    @property
    def image(self) -> Image:
        """In colours, upright."""
        ...

    @property
    def gray(self) -> Gray:
        """Its luma, upright."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a source.

    Attributes:
        picture: what the source gave: ``(H, W, 3)`` uint8, BGR, upright; or a `Picture`, which is not yet that.
        index: position in the source, from 0; 0 for a picture.
        time_s: seconds since the source's first frame, by its own time stamps; 0 for a picture.
        captured_s: `time.perf_counter` when the frame was read, from which latency is counted.
        source: what the source is called: a path, an address without credentials, or ``camera 0``.
    """

    picture: Image | Picture
    index: int = 0
    time_s: float = 0.0
    captured_s: float = 0.0
    source: str = ""

    @property
    def image(self) -> Image:
        """``(H, W, 3)`` uint8, BGR, upright."""
        return self.picture if isinstance(self.picture, np.ndarray) else self.picture.image

    @property
    def pixels(self) -> Image | Gray:
        """The picture in the form that costs least: its luma where the decoder gives it, else in colours."""
        return self.picture if isinstance(self.picture, np.ndarray) else self.picture.gray

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        if isinstance(self.picture, np.ndarray):
            return self.picture.shape[1], self.picture.shape[0]
        return self.picture.size

    def without_pixels(self) -> Frame:
        """The same frame with a black picture of its size that takes no memory."""
        width, height = self.size
        return replace(self, picture=np.broadcast_to(np.uint8(0), (height, width, 3)))

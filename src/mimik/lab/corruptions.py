"""What befalls faces outside of laboratories: blur, darkness, a tilted head, a hidden mouth or eyes, few pixels."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["CORRUPTIONS", "Corruption", "corrupted"]

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Corruption:
    """One way to spoil a picture.

    Attributes:
        name: how it is called in JSON.
        title: what it is, in English.
        apply: ``(48, 48)`` uint8 → a new picture of the same shape.
    """

    name: str
    title: str
    apply: Callable[[Picture], Picture]


def _array(picture: object) -> Picture:
    return np.asarray(picture, np.uint8)


def _blurred(picture: Picture) -> Picture:
    return _array(cv2.GaussianBlur(picture, (0, 0), 1.5))


def _dark(picture: Picture) -> Picture:
    """A quarter of the light, with the sensor noise that comes with it (standard deviation 4 of 255)."""
    noise = np.random.default_rng(int(picture.sum())).normal(0, 4, picture.shape)
    return np.clip(picture * 0.25 + noise, 0, 255).astype(np.uint8)


def _rolled(degrees: float) -> Callable[[Picture], Picture]:
    def roll(picture: Picture) -> Picture:
        height, width = picture.shape
        turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
        return _array(cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE))

    return roll


def _covered(top: float, bottom: float, left: float, right: float) -> Callable[[Picture], Picture]:
    """Cover a part, given as shares of the picture's sides, with the picture's mean gray."""

    def cover(picture: Picture) -> Picture:
        height, width = picture.shape
        covered = picture.copy()
        rows = slice(round(top * height), round(bottom * height))
        covered[rows, round(left * width) : round(right * width)] = round(float(picture.mean()))
        return covered

    return cover


def _jpeg(picture: Picture) -> Picture:
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 20])[1]
    return _array(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))


def _small(picture: Picture) -> Picture:
    height, width = picture.shape
    small = cv2.resize(picture, (24, 24), interpolation=cv2.INTER_AREA)
    return _array(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


CORRUPTIONS = (
    Corruption("blur", "blurred: Gaussian, 1.5 pixels", _blurred),
    Corruption("darkness", "dark: a quarter of the light, noise", _dark),
    Corruption("roll_10", "head tilted by 10°", _rolled(10)),
    Corruption("roll_20", "head tilted by 20°", _rolled(20)),
    Corruption("roll_30", "head tilted by 30°", _rolled(30)),
    Corruption("mouth", "mouth covered", _covered(0.66, 0.98, 0.2, 0.8)),
    Corruption("eyes", "eyes covered", _covered(0.22, 0.48, 0.06, 0.94)),
    Corruption("jpeg_20", "JPEG of quality 20", _jpeg),
    Corruption("small", "24×24 pixels", _small),
)
"""Every way that `mimik evaluate --corruptions` measures."""


def corrupted(images: NDArray[np.uint8], corruption: Corruption) -> NDArray[np.uint8]:
    """``(N, 48, 48)`` pictures, each spoilt; the same picture is always spoilt the same way."""
    return np.stack([corruption.apply(image) for image in images])

"""Pictures that occur more than once in a set of faces: to the pixel, or nearly."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mimik.lab.data import Faces, Progress

__all__ = ["BITS", "NEAR", "Pair", "blank", "fingerprints", "groups", "near_pairs", "twins_across"]

BITS = 143
"""Bits of a fingerprint."""

NEAR = 24
"""Two pictures are near duplicates where at most so many of their 143 fingerprint bits differ.

Measured on FER-2013 (Training and PublicTest): re-encoding as JPEG of quality 40 changes at most 22 bits, other light
at most 4, a shift by a pixel 24 in the middle, while half of all pictures have no other within 38. Of 48 pairs looked
at for each distance, none of those at 22 showed different photographs, 1 of those at 24, 4 at 26.
"""

_FREQUENCIES = 12
_PLAIN = 8.0  # below this standard deviation, a fingerprint is the noise's


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows that show nearly the same picture.

    Attributes:
        first: index of one.
        second: index of the other, greater.
        distance: fingerprint bits that differ.
    """

    first: int
    second: int
    distance: int


def blank(faces: Faces) -> NDArray[np.bool_]:
    """``(N,)`` whether a picture is of one gray."""
    return np.asarray(faces.images.min((1, 2)) == faces.images.max((1, 2)), bool)


def groups(faces: Faces) -> list[NDArray[np.int64]]:
    """Indices of each group of pixel-identical pictures that are not blank, two or more."""
    _, group, count = np.unique(faces.twins.astype(str), return_inverse=True, return_counts=True)
    order = np.argsort(group, kind="stable")
    found = [part for part in np.split(order, np.cumsum(count)[:-1]) if len(part) > 1]
    return [part for part in found if faces.images[part[0]].min() < faces.images[part[0]].max()]


def twins_across(faces: Faces) -> dict[tuple[str, str], int]:
    """How many rows of a split have an identical picture in another: ``(split, other) → rows``."""
    counted: Counter[tuple[str, str]] = Counter()
    for group in groups(faces):
        splits = Counter(faces.usages[group])
        for split, count in splits.items():
            for other in splits:
                if other != split:
                    counted[split, other] += count
    return dict(counted)


def fingerprints(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """``(N, 143)`` of -1 and 1: which low frequencies are above their median (after Zauner 2010, pHash)."""
    from scipy.fft import dctn

    parts = []
    for start in range(0, len(images), 4096):
        waves = dctn(images[start : start + 4096].astype(np.float32), axes=(1, 2), norm="ortho")
        low = waves[:, :_FREQUENCIES, :_FREQUENCIES].reshape(len(waves), -1)[:, 1:]
        parts.append(np.where(low > np.median(low, 1, keepdims=True), 1, -1).astype(np.float32))
    return np.concatenate(parts)


def near_pairs(faces: Faces, limit: int = NEAR, progress: Progress | None = None) -> list[Pair]:
    """Near duplicates that are not identical, one row standing for its identical twins; nearest first."""
    _, first = np.unique(faces.twins.astype(str), return_index=True)
    first = np.sort([index for index in first if faces.images[index].std() >= _PLAIN])
    if len(first) < 2:
        return []
    prints = fingerprints(faces.images[first])
    found = [Pair(int(first[a]), int(first[b]), distance) for a, b, distance in _close(prints, limit, progress)]
    return sorted(found, key=lambda pair: (pair.distance, pair.first, pair.second))


def _close(
    prints: NDArray[np.float32], limit: int, progress: Progress | None, block: int = 1024
) -> Iterator[tuple[int, int, int]]:
    """Pairs of rows, the first smaller, with at most `limit` different bits."""
    bits = prints.shape[1]
    for start in range(0, len(prints), block):
        # The product of two rows of -1 and 1 is what they share less what they differ in.
        shared = prints[start : start + block] @ prints[start:].T
        for a, b in np.argwhere(shared >= bits - 2 * limit):
            if b > a:
                yield start + int(a), start + int(b), round((bits - float(shared[a, b])) / 2)
        if progress:
            progress(min(start + block, len(prints)), len(prints))

"""What repeated measurements come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

__all__ = ["Ratio", "Spread", "ratio", "spread"]


class Spread(TypedDict):
    """Of one peer's measurements of one thing."""

    median: float
    p5: float
    p95: float
    n: int


class Ratio(TypedDict):
    """A peer's median over another's, with a 95 % interval."""

    ratio: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Median, 5th and 95th percentile, and of how many."""
    p5, median, p95 = (float(value) for value in np.percentile(values, [5, 50, 95]))
    return {"median": median, "p5": p5, "p95": p95, "n": len(values)}


def ratio(ours: Sequence[float], theirs: Sequence[float], repeats: int = 2000, seed: int = 0) -> Ratio:
    """The ratio of medians, with a bootstrap interval.

    Measurements that were made in turn, as many on either side, are resampled in pairs: what slowed the machine in one
    round slowed both.
    """
    random = np.random.default_rng(seed)
    mine, other = np.asarray(ours, float), np.asarray(theirs, float)
    first = random.integers(0, len(mine), (repeats, len(mine)))
    second = first if len(mine) == len(other) else random.integers(0, len(other), (repeats, len(other)))
    ratios = np.median(mine[first], axis=1) / np.median(other[second], axis=1)
    low, high = (float(value) for value in np.percentile(ratios, [2.5, 97.5]))
    return {"ratio": float(np.median(mine) / np.median(other)), "low": low, "high": high}

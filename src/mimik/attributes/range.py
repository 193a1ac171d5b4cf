"""The range of ages that is shown."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["age_range", "middle"]

_MARGIN_YEARS = 5.0
"""Least distance of the range's ends from the age. The network's own spread is no guide: it may put 0.92 on one year
and be wrong by thirteen."""


def age_range(ages: Sequence[float], weights: Sequence[float] | None = None) -> tuple[int, int]:
    """Five years to either side of the ages' middle, and further where the looks themselves lie further apart.

    Args:
        ages: of one person's looks, in years; at least one.
        weights: of the looks, above 0.

    Returns:
        Whole years from and to; seven in ten of the looks, by weight, lie between, and one wild look in ten does not
        count.
    """
    values, shares = _ordered(ages, weights)
    age = middle(ages, weights)
    places = shares.cumsum()
    low, high = (values[min(int(np.searchsorted(places, share)), len(values) - 1)] for share in (0.15, 0.85))
    return (
        max(0, math.floor(min(low, age - _MARGIN_YEARS) + 0.5)),
        math.floor(max(high, age + _MARGIN_YEARS) + 0.5),
    )


def middle(values: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """The weighted mean of the middle half: a few wild looks do not move it."""
    ordered, shares = _ordered(values, weights)
    upper = shares.cumsum()
    inner = np.clip(upper, 0.25, 0.75) - np.clip(upper - shares, 0.25, 0.75)
    return float(ordered @ inner / inner.sum())


def _ordered(
    values: Sequence[float], weights: Sequence[float] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The values in order, and the share that each has of all weight."""
    array = np.asarray(values, np.float64)
    shares = np.ones(len(array)) if weights is None else np.asarray(weights, np.float64)
    order = array.argsort(kind="stable")
    return array[order], shares[order] / shares.sum()

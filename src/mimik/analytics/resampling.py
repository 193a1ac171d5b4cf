"""95 % intervals by resampling blocks of neighbouring steps, or people. Draws are seeded: same data, same figures.

Readings of one face a second apart are nearly the same reading, so steps must not be drawn one by one. The circular
moving-block bootstrap (Politis and Romano 1992) draws stretches instead, as long as the lag-1 autocorrelation asks for
by the plug-in rule of an AR(1) series (Carlstein 1986; Andrews 1991). Percentiles of few units are too narrow; they are
moved out as Hesterberg (2015, "What teachers should know about the bootstrap", expanded percentile interval) shows.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

__all__ = [
    "DRAWS",
    "LEAST_UNITS",
    "autocorrelation",
    "block_length",
    "block_weights",
    "drawn_sums",
    "expanded",
    "unit_weights",
]

Floats = NDArray[np.float64]

DRAWS = 1000
"""Resamples behind each interval."""
LEAST_UNITS = 5
"""Fewer independent units give no interval: no resampling of N values leads beyond the smallest and the greatest of
them, between which the truth lies 1 - 2 ** (1 - N) of the time."""
_SAME = 1e-9
_SEED = 20130701


def autocorrelation(series: Floats) -> float:
    """The greatest lag-1 autocorrelation of the ``(N, K)`` columns, 0 to 0.95."""
    centred = series - series.mean(axis=0)
    power = (centred**2).sum(axis=0)
    moving = power > 1e-9 * max(float(power.max(initial=0.0)), 1e-9)
    if len(series) < 4 or not moving.any():
        return 0.0
    lagged = (centred[1:] * centred[:-1]).sum(axis=0)[moving] / power[moving]
    return float(np.clip(lagged.max(), 0.0, 0.95))


def block_length(count: int, rho: float) -> int:
    """How many of `count` steps with lag-1 autocorrelation `rho` belong together; at most a third of them."""
    length = math.ceil((1.5 * count) ** (1 / 3) * (2 * rho / (1 - rho**2)) ** (2 / 3))
    return int(np.clip(length, 1, max(1, count // 3)))


def block_weights(count: int, length: int, draws: int = DRAWS, seed: int = 0) -> Floats:
    """``(draws, count)``: how often each step is drawn, in circular blocks of `length`."""
    random = np.random.default_rng((_SEED, seed))
    blocks = math.ceil(count / length)
    starts = random.integers(0, count, (draws, blocks)) + np.arange(draws)[:, None] * count
    begun = np.bincount(starts.ravel(), minlength=draws * count).reshape(draws, count)
    if length == 1:
        return begun.astype(np.float64)
    wrapped = np.concatenate([np.zeros((draws, 1)), begun[:, count - length + 1 :], begun], axis=1).cumsum(axis=1)
    return np.asarray(wrapped[:, length:] - wrapped[:, :count])


def unit_weights(count: int, draws: int = DRAWS, seed: int = 0) -> Floats:
    """``(draws, count)``: how often each of `count` independent units is drawn."""
    return block_weights(count, 1, draws, seed)


def drawn_sums(weights: Floats, units: Floats) -> Floats:
    """``(draws, K)``: sums over the drawn of ``(count, K)`` units.

    Not ``@``: for matrices so small the threads of a BLAS cost more than they bring, the more so on a busy machine.
    """
    return np.asarray(np.einsum("dn,kn->dk", weights, np.ascontiguousarray(units.T)))


def expanded(draws: Floats, units: float) -> tuple[Floats, Floats]:
    """Lower and upper ends of the 95 % intervals of ``(draws, K)`` resampled values of `units` independent units.

    NaN where all draws agree, as they do on an expression that was never seen: data that never change do not tell how
    much they could.
    """
    units = max(units, 2.0)
    tail = float(ndtr(math.sqrt(units / (units - 1)) * stdtrit(units - 1, 0.025)))
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    agreed = np.ptp(draws, axis=0) < _SAME
    return np.where(agreed, np.nan, low), np.where(agreed, np.nan, high)

"""Whether people's expressions moved together."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mimik.analytics.results import Pair, Synchrony
from mimik.analytics.steps import READINGS, Rows

__all__ = ["holm", "synchrony"]

Floats = NDArray[np.float64]

_COMMON_S = 60.0
_LEAST_STEPS = 20
_MAX_LAG_S = 5.0
_MOST_PEOPLE = 12
_DRAWS = 2000
_SEED = 20130702


def holm(values: Floats) -> Floats:
    """p values after Holm (1979): no more than 5 % chance of any false one at the 5 % level."""
    order = np.argsort(values)
    scaled = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    corrected = np.empty(len(values))
    corrected[order] = np.minimum(scaled, 1.0)
    return corrected


def synchrony(by_person: dict[int, Rows]) -> Synchrony | None:
    """Correlations of people's valence over the steps in which both were read, straight trends removed.

    Chance is what one of the two, shifted in time around the circle, gives: that keeps each person's own rhythm.
    Valence stands for the whole reading because it is one number in which smiles and frowns both count.
    """
    read = {number: rows.where(rows.sums[:, READINGS] > 0) for number, rows in by_person.items()}
    most = sorted(read, key=lambda number: (-read[number].sums[:, READINGS].sum(), number))[:_MOST_PEOPLE]
    found: list[Pair] = []
    nulls: list[Floats] = []
    lag = 0
    for first, second in combinations(sorted(most), 2):
        step_s = read[first].step_s
        lag = int(_MAX_LAG_S // step_s)
        common, left, right = np.intersect1d(
            read[first].step, read[second].step, assume_unique=True, return_indices=True
        )
        if len(common) * step_s < _COMMON_S or len(common) < _LEAST_STEPS:
            continue
        x, y = _standard(read[first], left, common), _standard(read[second], right, common)
        if x is None or y is None:
            continue
        shifted = np.fft.irfft(np.conj(np.fft.rfft(x)) * np.fft.rfft(y), len(x)) / len(x)
        around = np.stack([np.roll(shifted, -delay) for delay in range(-lag, lag + 1)])  # [delay, shift]
        greatest = np.abs(around).max(axis=0)
        far = slice(2 * lag + 1, len(x) - 2 * lag)
        p = (1 + int((greatest[far] >= greatest[0] - 1e-12).sum())) / (1 + len(greatest[far]))
        at = int(np.abs(around[:, 0]).argmax())
        found.append(
            Pair(
                (first, second),
                float(len(common) * step_s),
                float(shifted[0]),
                float(around[at, 0]),
                float((at - lag) * step_s),
                p,
            )
        )
        nulls.append(shifted[far])
    if not found:
        return None
    random = np.random.default_rng(_SEED)
    mean = float(np.mean([pair.correlation for pair in found]))
    ordered = sorted(range(len(found)), key=lambda i: found[i].correlation)  # people's numbers must not matter
    null = np.mean([random.choice(nulls[i], _DRAWS) for i in ordered], axis=0)
    p_mean = (1 + int((np.abs(null) >= abs(mean) - 1e-12).sum())) / (1 + _DRAWS)
    corrected = holm(np.array([pair.p for pair in found]))
    pairs = tuple(replace(pair, p=float(p)) for pair, p in zip(found, corrected, strict=True))
    return Synchrony(mean, p_mean, float(lag * read[most[0]].step_s), pairs)


def _standard(rows: Rows, chosen: NDArray[np.int64], steps: NDArray[np.int64]) -> Floats | None:
    """Mean valence in the chosen steps, without its straight trend, as z scores; None where it does not move."""
    valence = rows.sums[chosen, 14] / rows.sums[chosen, READINGS]
    time = steps - steps.mean()
    valence = valence - valence.mean()
    valence = valence - time * (time @ valence) / (time @ time)
    deviation = float(valence.std())
    return valence / deviation if deviation > 1e-6 else None

"""Rank tests with effect sizes. SciPy's statistics take a second to load: only when a comparison is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["RankTest", "kruskal", "mann_whitney", "wilcoxon"]

Floats = NDArray[np.float64]

_CLIFF = (0.147, 0.33, 0.474)
"""Where small, medium and large begin for Cliff's delta (Romano et al. 2006); also used for the rank-biserial."""
_ETA = (0.01, 0.06, 0.14)
"""The same for eta squared (Cohen 1988)."""


class RankTest(NamedTuple):
    """A test's name, statistic, p, effect and its size in a word; all but the name None where it cannot be made."""

    test: str
    statistic: float | None = None
    p: float | None = None
    effect: float | None = None
    effect_size: str | None = None


def _word(effect: float, limits: tuple[float, float, float]) -> str:
    return ("negligible", "small", "medium", "large")[sum(abs(effect) >= limit for limit in limits)]


def mann_whitney(first: Floats, second: Floats) -> RankTest:
    """Mann-Whitney U of the second against the first; effect: Cliff's delta, P(second > first) - P(second < first)."""
    name = "mann-whitney"
    if len(first) < 2 or len(second) < 2 or np.ptp(np.concatenate([first, second])) == 0:
        return RankTest(name)
    from scipy import stats

    found = stats.mannwhitneyu(second, first, alternative="two-sided")
    delta = 2 * float(found.statistic) / (len(first) * len(second)) - 1
    return RankTest(name, float(found.statistic), float(found.pvalue), delta, _word(delta, _CLIFF))


def wilcoxon(first: Floats, second: Floats) -> RankTest:
    """Wilcoxon's signed ranks of second less first, without zeros; effect: rank-biserial (Kerby 2014)."""
    name = "wilcoxon"
    change = second - first
    change = change[np.abs(change) > 1e-12]
    if len(first) < 2 or not len(change):
        return RankTest(name)
    from scipy import stats

    ranks = stats.rankdata(np.abs(change))
    effect = float((ranks * np.sign(change)).sum() / ranks.sum())
    tied = len(np.unique(ranks)) < len(ranks)
    found = stats.wilcoxon(change, method="exact" if len(change) <= 50 and not tied else "approx")
    return RankTest(name, float(found.statistic), float(found.pvalue), effect, _word(effect, _CLIFF))


def kruskal(groups: Sequence[Floats]) -> RankTest:
    """Kruskal-Wallis H; effect: eta squared from H, (H - k + 1) / (n - k), not below 0 (Tomczak and Tomczak 2014)."""
    name = "kruskal"
    count, ways = sum(map(len, groups)), len(groups)
    if min(map(len, groups)) < 2 or np.ptp(np.concatenate(groups)) == 0:
        return RankTest(name)
    from scipy import stats

    found = stats.kruskal(*groups)
    eta = max(0.0, (float(found.statistic) - ways + 1) / (count - ways))
    return RankTest(name, float(found.statistic), float(found.pvalue), eta, _word(eta, _ETA))

"""People at rest, and figures relative to it."""

from __future__ import annotations

import numpy as np

from mimik.analytics.results import Baseline
from mimik.analytics.steps import LABELLED, LABELS, READINGS, VALUES, Rows

__all__ = ["baselines", "less_rest"]

_LEAST_S = 3.0
_LEAST_READINGS = 3


def baselines(rows: Rows, seconds: dict[int, float]) -> tuple[Baseline, ...]:
    """Each person's means over rows that lie in rest; without those who were read too little in it.

    Args:
        rows: people's rows in rest.
        seconds: person → seconds in which they were read in them.
    """
    found = []
    for number, own in rows.by_person().items():
        total = own.sums.sum(axis=0)
        if seconds[number] >= _LEAST_S and total[READINGS] >= _LEAST_READINGS:
            mean = (total[VALUES] / total[READINGS]).tolist()
            found.append(Baseline(number, seconds[number], int(total[READINGS]), tuple(mean[:7]), mean[7], mean[8]))
    return tuple(found)


def less_rest(rows: Rows, rest: tuple[Baseline, ...]) -> Rows:
    """The rows of the people with a baseline, each less their own; labels are gone, for no label is relative."""
    own = {one.person: np.array([*one.probabilities, one.valence, one.arousal]) for one in rest}
    rows = rows.where(np.isin(rows.person, np.array(list(own), np.int64)))
    sums = rows.sums.copy()
    sums[:, LABELS] = 0
    sums[:, LABELLED] = 0
    if len(rows):
        sums[:, VALUES] -= np.stack([own[int(number)] for number in rows.person]) * sums[:, [READINGS]]
    return Rows(rows.step_s, rows.person, rows.step, sums)

"""Shares of the expressions with their intervals: overall, by person, by interval, by age."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mimik.analytics.base import Estimate
from mimik.analytics.coverage import Clock
from mimik.analytics.resampling import (
    LEAST_UNITS,
    autocorrelation,
    block_length,
    block_weights,
    drawn_sums,
    expanded,
    unit_weights,
)
from mimik.analytics.results import AgeGroup, Share, Shares
from mimik.analytics.steps import LABELLED, LABELS, READINGS, VALUES, Rows
from mimik.store.values import EMOTIONS, Person

__all__ = ["AGES", "ages", "balanced", "means", "shares"]

Floats = NDArray[np.float64]

AGES = ((0, 17), (18, 29), (30, 44), (45, 59), (60, None))
"""Age groups in years, both ends included."""

_BINS = 120
"""Steps are summed to at most so many before they are resampled; a block is longer than one of them anyhow."""
_LEAST = 6
"""Fewer steps with readings give no interval."""


def means(sums: Floats) -> Floats:
    """``(K, 16)`` from ``(K, 18)`` sums: seven shares, seven probabilities, valence, arousal; NaN without readings."""
    labelled, readings = sums[:, [LABELLED]], sums[:, [READINGS]]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.concatenate([sums[:, LABELS] / labelled, sums[:, VALUES] / readings], axis=1)


def shares(rows: Rows, clock: Clock, people: int | None, *, interval: bool = True) -> Shares:
    """Shares of the time that some rows were read in, with intervals over blocks of neighbouring steps.

    Args:
        rows: of one person, of several, or of the room.
        clock: what their frames stand for.
        people: how many they are; None where that is not known.
        interval: whether to draw for the intervals.
    """
    readings, seconds = int(rows.sums[:, READINGS].sum()), clock.read(rows)
    rows = clock.timed(rows)
    total = rows.sums.sum(axis=0)
    low = high = np.full(16, np.nan)
    if interval and len(rows):
        length = int(rows.step.max() - rows.step.min()) + 1
        bins = rows.grid(-(-length // _BINS))
        bins = bins[bins[:, READINGS] > 0]
        if len(bins) >= _LEAST:
            low, high = _over_time(bins)
    return _shares(means(total[None])[0], low, high, readings, seconds, people, "time")


def _over_time(bins: Floats) -> tuple[Floats, Floats]:
    total = bins.sum(axis=0)
    centre = means(total[None])[0]
    # What a bin adds to each ratio; its autocorrelation is the one that widens the ratio's interval.
    residuals = np.concatenate(
        [
            bins[:, LABELS] - np.nan_to_num(centre[:7]) * bins[:, [LABELLED]],
            bins[:, VALUES] - centre[7:] * bins[:, [READINGS]],
        ],
        axis=1,
    )
    length = block_length(len(bins), autocorrelation(residuals))
    drawn = means(drawn_sums(block_weights(len(bins), length), bins))
    return expanded(drawn, len(bins) / length)


def balanced(each: Sequence[Rows], clock: Clock, seconds: float) -> Shares | None:
    """Shares in which each person counts the same, with intervals over five people or more; None for one alone."""
    if len(each) < 2:
        return None
    single = means(np.stack([clock.timed(rows).sums.sum(axis=0) for rows in each]))
    single = single[np.lexsort(np.nan_to_num(single).T)]  # what the draws give must not depend on people's numbers
    low = high = np.full(16, np.nan)
    if len(each) >= LEAST_UNITS:
        low, high = expanded(drawn_sums(unit_weights(len(each)), single) / len(each), len(each))
    readings = sum(int(rows.sums[:, READINGS].sum()) for rows in each)
    return _shares(single.mean(axis=0), low, high, readings, seconds, len(each), "people")


def _shares(
    centre: Floats, low: Floats, high: Floats, readings: int, seconds: float, people: int | None, unit: str
) -> Shares:
    value, below, above = ([None if np.isnan(x) else float(x) for x in column] for column in (centre, low, high))
    return Shares(
        tuple(
            Share(emotion.value, value[i], below[i], above[i], value[i + 7], below[i + 7], above[i + 7])
            for i, emotion in enumerate(EMOTIONS)
        ),
        Estimate(value[14], below[14], above[14]),
        Estimate(value[15], below[15], above[15]),
        readings,
        seconds,
        people,
        unit,
    )


def ages(by_person: dict[int, Rows], people: Sequence[Person], clock: Clock) -> tuple[AgeGroup, ...]:
    """Shares by age group, of the people whose age was estimated and who were read."""
    middles = {person.number: sum(person.age) / 2 for person in people if person.age is not None}
    found = []
    for low, high in AGES:
        members = [
            rows
            for number, rows in by_person.items()
            if low <= middles.get(number, -1.0) < (np.inf if high is None else high + 1)
            and rows.sums[:, READINGS].any()
        ]
        if members:
            rows = Rows(
                members[0].step_s,
                np.concatenate([m.person for m in members]),
                np.concatenate([m.step for m in members]),
                np.concatenate([m.sums for m in members]),
            )
            found.append(AgeGroup(low, high, len(members), shares(rows, clock, len(members))))
    return tuple(found)

"""The group over time: mean probabilities, valence and arousal with a band; the way through valence and arousal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mimik.analytics.course import Path, Timeline, Track
from mimik.analytics.resampling import autocorrelation
from mimik.analytics.steps import READINGS, VALUES, Rows
from mimik.store.values import EMOTIONS

__all__ = ["path", "timeline"]

Floats = NDArray[np.float64]

POINTS = 600
"""At most so many points: more than a screen shows."""
_PATH_POINTS = 60
_WIDER = 5
"""The band's scatter is taken from so many windows' width."""
_LEAST_WINDOW = 5
"""Steps that a point's mean covers at least; fewer show the network's flicker, not the people."""
_NICE = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


def _factor(steps: int, step_s: int, points: int) -> int:
    """How many steps make one point: a round number of seconds where there is one."""
    least = -(-steps // points)
    for seconds in _NICE:
        if seconds % step_s == 0 and seconds // step_s >= least:
            return seconds // step_s
    return least


def timeline(rows: Rows, *, relative: bool) -> Timeline:
    """The group's timeline.

    A point is the mean over the readings in a window around it. The band is 1.96 standard errors of that mean, from
    the scatter of the steps in a window five times as wide (neighbouring steps are too much alike to show it all),
    widened for their autocorrelation as for an AR(1) series.
    """
    data = rows.grid()
    steps = len(data)
    factor = _factor(steps, rows.step_s, POINTS)
    window = max(_LEAST_WINDOW, factor)
    first = int(rows.step.min()) if steps else 0
    starts = np.arange(0, steps, factor)
    value, error = _local(data, (starts + factor / 2).astype(np.float64), window)
    low, high = value - 1.96 * error, value + 1.96 * error
    if not relative:
        floor = np.array([0.0] * 7 + [-1.0] * 2)
        low, high = np.clip(low, floor, 1.0), np.clip(high, floor, 1.0)
    tracks = [Track(*(_known(part[:, column]) for part in (value, low, high))) for column in range(9)]
    readings = np.add.reduceat(data[:, READINGS], starts) if steps else np.zeros(0)
    return Timeline(
        float(factor * rows.step_s),
        float(window * rows.step_s),
        tuple(((starts + first + factor / 2) * rows.step_s).tolist()),
        {emotion.value: track for emotion, track in zip(EMOTIONS, tracks, strict=False)},
        tracks[7],
        tracks[8],
        tuple(readings.astype(int).tolist()),
    )


def _known(column: Floats) -> tuple[float | None, ...]:
    return tuple(None if x != x else x for x in np.round(column, 4).tolist())


def _local(data: Floats, centres: Floats, window: int) -> tuple[Floats, Floats]:
    """``(points, 9)`` means over the window around each centre, and their standard errors; NaN where nothing is."""
    values, readings = data[:, VALUES], data[:, [READINGS]]

    def within(column: Floats, width: int) -> Floats:
        lows = np.clip(np.ceil(centres - width / 2), 0, len(data)).astype(int)
        highs = np.clip(np.ceil(centres + width / 2), 0, len(data)).astype(int)
        sums = np.concatenate([np.zeros((1, column.shape[1])), column.cumsum(axis=0)])
        return np.asarray(sums[highs] - sums[lows])

    wide = _WIDER * window
    rho = _rho(values, readings, wide)
    present = (readings > 0).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = within(readings, window)
        weight[weight < 0.5] = np.nan
        mean = within(values, window) / weight
        around = within(values, wide) / within(readings, wide)
        scatter = within(values**2, wide) - 2 * around * within(values * readings, wide)
        scatter = np.maximum(scatter + around**2 * within(readings**2, wide), 0)
        steps, others = within(present, window), within(present, wide)
        others[others < 2] = np.nan
        inflation = np.minimum((1 + rho) / (1 - rho), steps)
        error = np.sqrt(scatter / (others - 1) * steps * inflation) / weight
    return mean, error


def _rho(values: Floats, readings: Floats, window: int) -> float:
    """Lag-1 autocorrelation of steps about their mean over a wider window; about the point's own it is too low."""
    read = readings[:, 0] > 0
    if read.sum() < 4:
        return 0.0
    values, readings = values[read], readings[read]
    sums = np.concatenate([np.zeros((1, 10)), np.concatenate([values, readings], axis=1).cumsum(axis=0)])
    index = np.arange(len(values))
    lows, highs = np.maximum(index - window // 2, 0), np.minimum(index + window // 2 + 1, len(values))
    local = sums[highs] - sums[lows]
    return autocorrelation(values - local[:, :9] / local[:, 9:] * readings)


def path(rows: Rows) -> Path:
    """The group's way through valence and arousal."""
    data = rows.grid()
    factor = _factor(len(data), rows.step_s, _PATH_POINTS)
    bins = rows.grid(factor)
    read = np.flatnonzero(bins[:, READINGS] > 0)
    first = int(rows.step.min()) if len(rows) else 0
    times = (first + (read + 0.5) * factor) * rows.step_s
    mood = bins[read, 14:16] / bins[read][:, [READINGS]]
    valence, arousal = np.round(mood, 4).T.tolist() if len(read) else ([], [])
    return Path(float(factor * rows.step_s), tuple(times.tolist()), tuple(valence), tuple(arousal))

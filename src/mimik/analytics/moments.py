"""Moments: when the group's mood moved more than its own noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from mimik.analytics.course import Change, Moment
from mimik.analytics.steps import READINGS, Rows
from mimik.store.values import EMOTIONS, Marker, MarkerKind

__all__ = ["MOMENTS_AFTER_S", "moments"]

Floats = NDArray[np.float64]

_SHORTEST_S = 10
_LEAST_WINDOWS = 8
"""With fewer, the changes that are looked for make up most of the noise they are to be told from: measured by
simulation, a restless person's minute then had a false moment in one of three."""
MOMENTS_AFTER_S = float(_LEAST_WINDOWS * _SHORTEST_S)
"""Sessions shorter than this, in seconds, have too little to tell moments by."""
_MOST = 10
_LEAST_SIZE = 0.05
"""Total variation below which nobody would call it a moment, however certain."""
_LEAST_NOISE = 0.005
_LEAST_CHANGE = 0.02
"""Smaller changes are not named among what rose and fell."""
_CELLS = 500_000
"""With more people times steps than this the room's means are compared instead of people with themselves."""


def moments(rows: Rows, room: Rows, markers: Sequence[Marker]) -> tuple[Moment, ...]:
    """The (at most ten) greatest moves, by time.

    Mean probabilities in a window after each step are compared with those in the window before, each person with
    themselves (so that somebody who comes or goes moves nothing), weighted by readings. The noise is taken from the
    session: the upper quartile of such differences over its whole length, or that of windows a third as long, whichever
    is more; a session of fewer than eight windows has no moments. A moment needs a t value that any expression in any
    window of a still session reaches with 5 % (Bonferroni), and is the greatest within one and a half windows.

    Args:
        rows: people's rows; empty where the session keeps the group only.
        room: the group's rows.
        markers: whose points may be named beside a moment.
    """
    if not len(room):
        return ()
    first, last = int(room.step.min()), int(room.step.max())
    steps, step_s = last - first + 1, room.step_s
    window = max(3, round(float(np.clip(steps * step_s / 60, _SHORTEST_S, 300)) / step_s))
    if steps < _LEAST_WINDOWS * window:
        return ()
    parts = list(rows.by_person().values()) or [room]
    if len(parts) * steps > _CELLS:
        parts = [room]
    grids = [_columns(part, first, last) for part in parts]
    moved = _moved(grids, window)
    noise = _noise(grids, moved, window)
    known = ~np.isnan(moved[:, 0])
    if noise is None or not known.any():
        return ()
    moved = np.where(known[:, None], moved, 0.0)
    size = np.abs(moved[:, :7]).sum(axis=1) / 2
    z = (np.abs(moved[:, :7]) / noise).max(axis=1)
    windows = steps / window
    limit = float(stdtrit(max(windows / 2 - 1, 3), 1 - 0.05 / (2 * 7 * 2 * windows)))
    left = np.where((z >= limit) & (size >= _LEAST_SIZE), size, 0.0)
    found: list[Moment] = []
    while len(found) < _MOST and left.max() > 0:
        at = int(left.argmax())
        left[max(0, at - window * 3 // 2) : at + window * 3 // 2 + 1] = 0
        time_s = float((first + window + at) * step_s)
        found.append(_moment(time_s, float(window * step_s), size[at], z[at], moved[at], markers))
    return tuple(sorted(found, key=lambda moment: moment.time_s))


def _columns(rows: Rows, first: int, last: int) -> Floats:
    """``(steps, 10)``: seven probabilities, valence, readings, whether there are any."""
    data = rows.grid(1, first, last)
    return np.column_stack([data[:, 7:15], data[:, READINGS], data[:, READINGS] > 0])


def _moved(grids: Sequence[Floats], window: int) -> Floats:
    """``(steps - 2 window + 1, 8)``: mean after less mean before, at each boundary; NaN where too little was read."""
    change: Floats = np.zeros((len(grids[0]) - 2 * window + 1, 8))
    weights: Floats = np.zeros((len(change), 1))
    for grid in grids:
        sums = np.concatenate([np.zeros((1, 10)), grid.cumsum(axis=0)])
        sums = sums[window:] - sums[:-window]
        before, after = sums[:-window], sums[window:]
        enough = (before[:, [9]] >= window / 2) & (after[:, [9]] >= window / 2)
        weight = np.where(enough, np.minimum(before[:, [8]], after[:, [8]]), 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            step = after[:, :8] / after[:, [8]] - before[:, :8] / before[:, [8]]
        change += np.where(enough, step, 0.0) * weight
        weights += weight
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(change / weights)


def _noise(grids: Sequence[Floats], moved: Floats, window: int) -> float | None:
    """The standard error of a change: the noisiest expression's, for a rare one has none until it is shown."""
    short = max(1, window // 3)
    noise = float(np.max([_scale(_moved(grids, short)) / np.sqrt(window / short), _scale(moved)]))
    return None if np.isnan(noise) else max(noise, _LEAST_NOISE)


def _scale(moved: Floats) -> Floats:
    known = np.abs(moved[~np.isnan(moved[:, 0]), :7])
    if len(known) < 4:
        return np.full(7, np.nan)
    return np.asarray(np.quantile(known, 0.75, axis=0) / 1.1503)  # the upper quartile of |standard normal|


def _moment(time_s: float, window_s: float, size: float, z: float, moved: Floats, markers: Sequence[Marker]) -> Moment:
    changes = sorted(
        (Change(emotion.value, float(change)) for emotion, change in zip(EMOTIONS, moved, strict=False)),
        key=lambda change: -abs(change.change),
    )
    named = [
        (marker.time_s, marker.label)
        for marker in markers
        if marker.kind is MarkerKind.POINT and time_s - window_s <= marker.time_s <= time_s + window_s / 10
    ]
    return Moment(
        time_s,
        window_s,
        float(size),
        float(z),
        tuple(change for change in changes if change.change >= _LEAST_CHANGE),
        tuple(change for change in changes if change.change <= -_LEAST_CHANGE),
        float(moved[7]),
        max(named)[1] if named else None,
    )

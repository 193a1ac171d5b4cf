"""How shown expressions follow each other and how long they stay."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mimik.analytics.course import Dwell, Transitions
from mimik.analytics.steps import LABELLED, LABELS, PROBABILITIES, READINGS, Rows
from mimik.store.values import EMOTIONS

__all__ = ["dwell", "transitions"]

Ints = NDArray[np.int64]


def _labels(rows: Rows) -> tuple[Ints, NDArray[np.bool_]]:
    """The label shown most in each labelled step, by person and time; whether each row goes on from the one before."""
    rows = rows.where(rows.sums[:, LABELLED] > 0)
    rows = rows.where(np.lexsort((rows.step, rows.person)))
    # Of labels shown equally often, the likelier one: less than half a reading tells them apart.
    likely = rows.sums[:, PROBABILITIES] / np.maximum(rows.sums[:, [READINGS]], 1)
    label = (rows.sums[:, LABELS] + 0.4 * likely).argmax(axis=1) if len(rows) else np.zeros(0, np.int64)
    goes_on = np.zeros(len(rows), bool)
    goes_on[1:] = (np.diff(rows.person) == 0) & (np.diff(rows.step) == 1)
    return label.astype(np.int64), goes_on


def transitions(rows: Rows, *, basis: str) -> Transitions:
    """The matrix of what followed what, over people's rows (or the room's where there are no others)."""
    label, goes_on = _labels(rows)
    after = np.flatnonzero(goes_on)
    counts = np.bincount(label[after - 1] * 7 + label[after], minlength=49).reshape(7, 7)
    return Transitions(
        basis,
        rows.step_s,
        tuple(tuple(row) for row in counts.tolist()),
        _row_shares(counts),
        _row_shares(counts * (1 - np.eye(7, dtype=np.int64))),
    )


def _row_shares(counts: Ints) -> tuple[tuple[float | None, ...], ...]:
    return tuple(
        tuple(int(count) / total for count in row) if (total := int(row.sum())) else (None,) * 7 for row in counts
    )


def dwell(rows: Rows) -> tuple[Dwell, ...]:
    """How long each expression stayed, in order; seven."""
    label, goes_on = _labels(rows)
    same = goes_on.copy()
    same[1:] &= label[1:] == label[:-1]
    begins = np.flatnonzero(~same)
    lengths = np.diff(np.append(begins, len(label))) * float(rows.step_s)
    found = []
    for index, emotion in enumerate(EMOTIONS):
        spells = lengths[label[begins] == index]
        numbers = (float(spells.mean()), float(np.median(spells)), float(spells.max())) if len(spells) else (None,) * 3
        found.append(Dwell(emotion.value, len(spells), float(spells.sum()), *numbers))
    return tuple(found)

"""What a network's readings are measured by: confusion, curves, reliability and the protocols of FER+."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimik.classify import FERPLUS_SEVEN
from mimik.lab.calibration import Labels
from mimik.lab.data import FERPLUS

__all__ = [
    "PROTOCOLS",
    "Curve",
    "Protocol",
    "confusion",
    "ferplus_labels",
    "precision_recall",
    "precision_recall_curve",
    "reliability",
    "roc_curve",
    "seven_labels",
]


@dataclass(frozen=True, slots=True)
class Protocol:
    """How FER+ votes become one label a face.

    Attributes:
        name: how it is asked for.
        rule: the rule, in English.
    """

    name: str
    rule: str


PROTOCOLS = (
    Protocol(
        "argmax",
        "plain argmax: the emotion with most votes, the first of FER+'s order in a tie; rows where no face was seen or "
        "nobody voted for an emotion are left out",
    ),
    Protocol(
        "majority",
        "majority voting (Barsoum et al. 2016): single votes are dropped, and a row counts where one emotion has "
        "more than half of the rest",
    ),
    Protocol(
        "probability",
        "label distribution (Barsoum et al. 2016): single votes are dropped; a row counts where at most three "
        "emotions, taken by votes until they hold three quarters or meet unknown or no face, hold more than half",
    ),
)
"""The ways to score against FER+ that are published; `ferplus_labels` gives their labels."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A curve with the area below it.

    Attributes:
        x: ``(N,)`` 0–1, growing.
        y: ``(N,)`` 0–1.
        area: 0–1.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    area: float

    def thinned(self, points: int = 101) -> dict[str, Any]:
        """At most so many of the points, rounded, for JSON."""
        kept = np.unique(np.linspace(0, len(self.x) - 1, points).round().astype(int))
        return {
            "area": self.area,
            "x": [round(float(value), 4) for value in self.x[kept]],
            "y": [round(float(value), 4) for value in self.y[kept]],
        }


def confusion(labels: Labels, predicted: Labels, classes: int = 7) -> NDArray[np.int64]:
    """``(classes, classes)`` counts: a row a label, a column a reading."""
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (labels, predicted), 1)
    return table


def precision_recall(table: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each class's precision and recall, 0–1, of a confusion matrix; 0 where nothing was read or labelled so."""
    hits = np.diag(table).astype(np.float64)
    return hits / np.maximum(table.sum(0), 1), hits / np.maximum(table.sum(1), 1)


def _cumulated(scores: NDArray[Any], positive: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """True and false positives at each distinct score, highest first."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    hits = np.cumsum(positive[order])[ends].astype(np.float64)
    return hits, ends + 1 - hits


def roc_curve(scores: NDArray[Any], positive: NDArray[np.bool_]) -> Curve | None:
    """Share of others wrongly taken against share of the class found; None where one of the two is empty."""
    hits, misses = _cumulated(scores, positive)
    if not hits[-1] or not misses[-1]:
        return None
    x, y = np.append(0, misses / misses[-1]), np.append(0, hits / hits[-1])
    return Curve(x, y, float((np.diff(x) * (y[1:] + y[:-1])).sum() / 2))


def precision_recall_curve(scores: NDArray[Any], positive: NDArray[np.bool_]) -> Curve | None:
    """Recall against precision; its area is average precision. None where the class is empty."""
    hits, misses = _cumulated(scores, positive)
    if not hits[-1]:
        return None
    recall, precision = hits / hits[-1], hits / (hits + misses)
    area = float((np.diff(recall, prepend=0) * precision).sum())
    return Curve(np.append(0, recall), np.append(precision[0], precision), area)


def reliability(probabilities: NDArray[np.float32], labels: Labels, bins: int = 15) -> list[dict[str, float]]:
    """Faces, mean confidence and accuracy of each bin of confidence that holds any."""
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    found = []
    for one in range(bins):
        inside = place == one
        if inside.any():
            found.append(
                {
                    "from": one / bins,
                    "to": (one + 1) / bins,
                    "faces": int(inside.sum()),
                    "confidence": float(confidence[inside].mean()),
                    "accuracy": float(right[inside].mean()),
                }
            )
    return found


def ferplus_labels(counts: NDArray[np.int64], protocol: str) -> Labels:
    """``(N,)`` classes in the order of `FERPLUS` by a protocol of `PROTOCOLS`; -1 for rows that it leaves out.

    Args:
        counts: ``(N, 10)`` votes in the order of `mimik.lab.data.TAGS`.
        protocol: a protocol's name.
    """
    size = len(FERPLUS)
    emotions = counts[:, :size]
    if protocol == "argmax":
        seen = (emotions.sum(1) > 0) & (counts[:, -1] < emotions.max(1, initial=0))
        return np.where(seen, emotions.argmax(1), -1)
    votes = np.where(counts > 1, counts, 0)
    if protocol == "majority":
        clear = (2 * votes.max(1) > votes.sum(1)) & (votes.argmax(1) < size)
        return np.where(clear, votes.argmax(1), -1)
    return np.array([_by_distribution(row, size) for row in votes], np.int64)


def seven_labels(labels: NDArray[np.int64]) -> Labels:
    """FER+ classes as classes in the order of `mimik.Emotion`; -1 for contempt and for rows that were left out."""
    place = np.full(len(FERPLUS) + 1, -1)  # the last is what -1 finds
    place[FERPLUS_SEVEN] = range(len(FERPLUS_SEVEN))
    return place[labels]


def _by_distribution(votes: NDArray[np.int64], size: int) -> int:
    total, left = int(votes.sum()), votes.copy()
    taken = np.zeros_like(votes)
    number, ended = 0, False
    while not ended and 4 * taken.sum() < 3 * total and number < 3:
        most = left.max()
        for place in np.flatnonzero(left == most):
            ended = bool(place >= size)
            if ended and taken.any():
                break
            taken[place], left[place] = most, 0
            number += 1
            if ended:
                break
    chosen = int(taken.argmax())
    return -1 if 2 * taken.sum() <= total or number > 3 or chosen >= size else chosen

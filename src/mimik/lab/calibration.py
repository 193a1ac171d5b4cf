"""From logits and labels: accuracy with its interval, calibration, and the thresholds of *sure* and *uncertain*."""

import math

import numpy as np
from numpy.typing import NDArray

from mimik.classify import softmax
from mimik.types import Thresholds

__all__ = [
    "coverage_curve",
    "cross_fitted_ece",
    "expected_calibration_error",
    "f1_scores",
    "fit_temperature",
    "negative_log_likelihood",
    "thresholds",
    "wilson_interval",
]

Logits = NDArray[np.float32]
Labels = NDArray[np.int64]

SURE_ACCURACY = 0.85
"""A reading is sure where the readings at least as confident are right this often."""

WITHHELD_ACCURACY = 1 / 3
"""A reading is withheld where the readings less confident are right no more often than this."""


def negative_log_likelihood(logits: Logits, labels: Labels, temperature: float = 1.0) -> float:
    """Mean negative log likelihood of the labels, in nats."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(1, keepdims=True)
    logs = scaled - np.log(np.exp(scaled).sum(1, keepdims=True))
    return float(-logs[np.arange(len(labels)), labels].mean())


def fit_temperature(logits: Logits, labels: Labels) -> float:
    """The temperature of least negative log likelihood (Guo et al. 2017), by golden-section search in its logarithm."""
    ratio = (math.sqrt(5) - 1) / 2
    low, high = math.log(0.05), math.log(20)
    while high - low > 1e-5:
        first, second = high - ratio * (high - low), low + ratio * (high - low)
        if negative_log_likelihood(logits, labels, math.exp(first)) < negative_log_likelihood(
            logits, labels, math.exp(second)
        ):
            high = second
        else:
            low = first
    return math.exp((low + high) / 2)


def expected_calibration_error(probabilities: NDArray[np.float32], labels: Labels, bins: int = 15) -> float:
    """Mean distance of confidence from accuracy over equal bins of confidence (Naeini et al. 2015), 0–1."""
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    error = 0.0
    for one in range(bins):
        inside = place == one
        if inside.any():
            error += inside.mean() * abs(float(right[inside].mean()) - float(confidence[inside].mean()))
    return float(error)


def cross_fitted_ece(logits: Logits, labels: Labels, groups: NDArray[np.object_], folds: int = 5) -> float:
    """Calibration error of each fold at the temperature fitted on the others; a group stays in one fold."""
    _, group = np.unique(groups.astype(str), return_inverse=True)
    fold = np.random.default_rng(0).permutation(group.max() + 1)[group] % folds
    probabilities = np.empty_like(logits)
    for one in range(folds):
        held = fold == one
        probabilities[held] = softmax(logits[held] / fit_temperature(logits[~held], labels[~held]))
    return expected_calibration_error(probabilities, labels)


def coverage_curve(
    probabilities: NDArray[np.float32], labels: Labels
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Confidence, share of readings at least so confident, and their accuracy; most confident first."""
    order = np.argsort(-probabilities.max(1), kind="stable")
    right = (probabilities.argmax(1) == labels)[order]
    count = np.arange(1, len(labels) + 1)
    return probabilities.max(1)[order].astype(np.float64), count / len(labels), np.cumsum(right) / count


def thresholds(probabilities: NDArray[np.float32], labels: Labels, sure_accuracy: float = SURE_ACCURACY) -> Thresholds:
    """Where *sure* and *uncertain* begin, from the coverage–accuracy curve.

    *Sure* begins at the least confidence from which on readings are right at least `sure_accuracy` of the time;
    *uncertain* at the greatest below which they are right at most `WITHHELD_ACCURACY` of the time.
    """
    confidence, coverage, accuracy = coverage_curve(probabilities, labels)
    good = np.flatnonzero(accuracy >= sure_accuracy)
    sure = float(confidence[good[-1]]) if len(good) else 1.0
    total, count = accuracy[-1] * len(labels), len(labels)
    below = (total - accuracy * coverage * count)[:-1] / (count - np.arange(1, count))
    bad = np.flatnonzero(below <= WITHHELD_ACCURACY)
    uncertain = float(confidence[bad[0]]) if len(bad) else 0.0
    return Thresholds(sure=round(sure, 4), uncertain=round(min(uncertain, sure), 4))


def wilson_interval(right: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    z, share = 1.959964, right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return middle - half, middle + half


def f1_scores(predicted: Labels, labels: Labels, classes: int = 7) -> list[float]:
    """F1 of each class; 0 for a class that is neither predicted nor there."""
    scores = []
    for one in range(classes):
        hits = int(((predicted == one) & (labels == one)).sum())
        total = int((predicted == one).sum() + (labels == one).sum())
        scores.append(2 * hits / total if total else 0.0)
    return scores

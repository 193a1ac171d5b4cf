"""Calibration against hand-made cases and properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimik.classify import softmax
from mimik.lab.calibration import (
    coverage_curve,
    cross_fitted_ece,
    expected_calibration_error,
    f1_scores,
    fit_temperature,
    negative_log_likelihood,
    thresholds,
    wilson_interval,
)


def drawn(count: int = 4000, scale: float = 2.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels drawn from their own softmax: calibrated at temperature 1."""
    random = np.random.default_rng(seed)
    logits = (random.normal(size=(count, 7)) * scale).astype(np.float32)
    labels = (softmax(logits).cumsum(1) > random.random((count, 1))).argmax(1)
    return logits, labels


@pytest.mark.parametrize("true", [0.5, 1.0, 2.5])
def test_temperature_is_found(true: float) -> None:
    logits, labels = drawn()
    assert fit_temperature((logits * true).astype(np.float32), labels) == pytest.approx(true, rel=0.07)


def test_calibrated_readings_have_little_error_and_sharpened_ones_much() -> None:
    logits, labels = drawn()
    assert expected_calibration_error(softmax(logits), labels) < 0.03
    assert expected_calibration_error(softmax(logits * 4), labels) > 0.1
    groups = np.arange(len(labels)).astype(str).astype(object)
    assert cross_fitted_ece(logits * 4, labels, groups) < 0.03


def test_ece_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]], np.float32)
    labels = np.array([0, 1, 0, 0])
    assert expected_calibration_error(probabilities, labels) == pytest.approx(0.5 * 0.4 + 0.5 * 0.4, abs=1e-6)


def test_coverage_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]], np.float32)
    confidence, coverage, accuracy = coverage_curve(probabilities, np.array([0, 1, 1, 0]))
    assert confidence == pytest.approx([0.9, 0.8, 0.7, 0.6])
    assert coverage == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert accuracy == pytest.approx([1, 1, 2 / 3, 3 / 4])


def test_thresholds_keep_their_promise() -> None:
    logits, labels = drawn()
    probabilities = softmax(logits)
    found = thresholds(probabilities, labels)
    right = probabilities.argmax(1) == labels
    confidence = probabilities.max(1)
    assert 0 < found.uncertain < found.sure < 1
    assert right[confidence >= found.sure].mean() == pytest.approx(0.85, abs=0.01)
    assert right[confidence < found.uncertain].mean() == pytest.approx(1 / 3, abs=0.02)


def test_a_network_that_is_never_good_is_never_sure() -> None:
    logits, _ = drawn(scale=0.1)
    labels = np.random.default_rng(1).integers(0, 7, len(logits))
    assert thresholds(softmax(logits), labels).sure > softmax(logits).max(1).mean()


@given(st.integers(0, 200), st.integers(1, 200))
def test_wilson_interval_holds_the_share(right: int, count: int) -> None:
    right = min(right, count)
    low, high = wilson_interval(right, count)
    assert -1e-9 <= low <= right / count + 1e-9
    assert right / count - 1e-9 <= high <= 1 + 1e-9


def test_f1_by_hand() -> None:
    assert f1_scores(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 1]), 4) == pytest.approx([2 / 3, 0.5, 0, 0])


@settings(max_examples=20)
@given(st.floats(0.2, 5))
def test_likelihood_is_best_at_the_fitted_temperature(other: float) -> None:
    logits, labels = drawn(500)
    best = fit_temperature(logits, labels)
    assert negative_log_likelihood(logits, labels, best) <= negative_log_likelihood(logits, labels, other) + 1e-9

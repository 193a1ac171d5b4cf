"""Measures against their definitions, and FER+'s protocols on votes whose outcome is plain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import mannwhitneyu

from mimik.lab.data import FERPLUS
from mimik.lab.metrics import (
    confusion,
    ferplus_labels,
    precision_recall,
    precision_recall_curve,
    reliability,
    roc_curve,
)


@given(st.integers(0, 2**32 - 1), st.integers(2, 60))
def test_the_area_below_the_roc_curve_is_mann_whitneys_share(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.integers(0, 8, count) / 8  # with ties
    positive = random.random(count) < 0.4
    curve = roc_curve(scores, positive)
    if positive.all() or not positive.any():
        assert curve is None
        return
    assert curve is not None
    statistic = mannwhitneyu(scores[positive], scores[~positive]).statistic
    assert curve.area == pytest.approx(statistic / (positive.sum() * (~positive).sum()))
    assert (np.diff(curve.x) >= 0).all()
    assert (np.diff(curve.y) >= 0).all()
    assert (curve.x[-1], curve.y[-1]) == (1, 1)


def test_average_precision_is_the_mean_over_hits_of_precision() -> None:
    curve = precision_recall_curve(np.array([0.9, 0.8, 0.7, 0.6, 0.5]), np.array([True, False, True, True, False]))
    assert curve is not None
    assert curve.area == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
    assert precision_recall_curve(np.array([0.1]), np.array([False])) is None


def test_a_long_curve_is_thinned_but_keeps_its_ends() -> None:
    random = np.random.default_rng(0)
    curve = roc_curve(random.random(5000), random.random(5000) < 0.5)
    assert curve is not None
    thin = curve.thinned(50)
    assert len(thin["x"]) == 50
    assert (thin["x"][0], thin["x"][-1], thin["y"][-1]) == (0, 1, 1)


def test_confusion_counts_labels_by_readings() -> None:
    table = confusion(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 1]), 3)
    assert table.tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]
    precision, recall = precision_recall(table)
    assert precision == pytest.approx([1, 1 / 3, 0])
    assert recall == pytest.approx([0.5, 1, 0])


def test_reliability_leaves_no_face_out() -> None:
    shares = np.random.default_rng(0).dirichlet(np.ones(7), 500).astype(np.float32)
    bins = reliability(shares, np.zeros(500, np.int64))
    assert sum(one["faces"] for one in bins) == 500
    assert all(one["from"] <= one["confidence"] <= one["to"] for one in bins)


N, H, SU, SA, A, D, F, C = range(8)


@pytest.mark.parametrize(
    ("votes", "argmax", "majority", "probability"),
    [
        ({H: 10}, H, H, H),
        ({H: 6, N: 4}, H, H, H),
        ({H: 5, N: 5}, N, -1, N),  # no more than half; the first of a tie
        ({H: 4, N: 3, SA: 3}, H, -1, H),  # three emotions hold all
        ({H: 3, N: 3, SA: 2, A: 2}, N, -1, -1),  # four would be needed: the two in the last tie make it four
        ({H: 4, "nf": 6}, -1, -1, -1),  # no face
        ({H: 5, "nf": 5}, -1, -1, -1),
        ({H: 6, "nf": 4}, H, H, H),  # probability stops before *no face* with 6 of 10
        ({H: 4, "unknown": 6}, H, -1, -1),
        ({H: 1, N: 1, SA: 1, "unknown": 7}, N, -1, -1),
        ({H: 5, N: 1, SA: 1, A: 1, D: 1, F: 1}, H, H, H),  # single votes fall away
        ({H: 1, N: 1, SA: 1, A: 1, D: 1, F: 1, C: 1, SU: 1, "unknown": 1, "nf": 1}, -1, -1, -1),
        ({}, -1, -1, -1),
    ],
)
def test_ferplus_protocols(votes: dict[int | str, int], argmax: int, majority: int, probability: int) -> None:
    counts = np.zeros((1, 10), np.int64)
    for tag, count in votes.items():
        counts[0, {"unknown": 8, "nf": 9}[tag] if isinstance(tag, str) else tag] = count
    found = {name: int(ferplus_labels(counts, name)[0]) for name in ("argmax", "majority", "probability")}
    assert found == {"argmax": argmax, "majority": majority, "probability": probability}


def as_published(votes: list[int], mode: str) -> int:
    """The rule of Barsoum et al. 2016 told step by step, to hold the short form to."""
    left = [count if count > 1 else 0 for count in votes]
    total = sum(left)
    if mode == "majority":
        best = left.index(max(left))
        return best if max(left) > total / 2 and best < 8 else -1
    taken: dict[int, int] = {}
    stop = False
    while sum(taken.values()) < 0.75 * total and len(taken) < 3 and not stop:
        most = max(left)
        for place in range(10):
            if left[place] == most:
                left[place] = 0
                if place >= 8:
                    stop = True
                    if not taken:
                        taken[place] = most
                    break
                taken[place] = most
    if not taken or sum(taken.values()) <= total / 2 or len(taken) > 3:
        return -1
    best = min(taken, key=lambda place: (-taken[place], place))
    return best if best < 8 else -1


@given(arrays(np.int64, (20, 10), elements=st.integers(0, 10)))
def test_ferplus_protocols_on_any_votes(counts: np.ndarray) -> None:
    for mode in ("majority", "probability"):
        assert ferplus_labels(counts, mode).tolist() == [as_published(row.tolist(), mode) for row in counts]


def test_the_order_of_classes_is_ferplus_own() -> None:
    assert FERPLUS[H] == "happiness"
    assert FERPLUS[C] == "contempt"

"""Numbers for tests of the store."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mimik.store.values import FINE_S, Aggregates, Samples

__all__ = ["SUMS", "aggregates", "assert_same", "samples"]

SUMS = ("frames", "faces", "sure", "uncertain", "withheld", "probabilities", "labels", "quality", "valence", "arousal")
"""The fields of `Aggregates` that add up."""


def aggregates(start_s: list[float], person: list[int], seed: int = 0, step_s: int = FINE_S) -> Aggregates:
    """Rows at the given places with numbers that differ everywhere."""
    random = np.random.default_rng(seed)
    count = len(person)

    def whole(*shape: int) -> NDArray[np.int64]:
        return random.integers(0, 60, shape, dtype=np.int64)

    return Aggregates(
        step_s=step_s,
        person=np.array(person, np.int64),
        start_s=np.array(start_s, np.float64),
        frames=whole(count),
        faces=whole(count),
        sure=whole(count),
        uncertain=whole(count),
        withheld=whole(count, 7),
        probabilities=random.random((count, 7)),
        labels=whole(count, 7),
        quality=random.random(count),
        valence=random.random(count) - 0.5,
        arousal=random.random(count) - 0.5,
    )


def samples(time_s: list[float], person: list[int], seed: int = 0) -> Samples:
    """Readings at the given places; every third is withheld."""
    random = np.random.default_rng(seed)
    count = len(person)
    withheld = np.arange(count) % 3 == 2
    probabilities = random.dirichlet(np.ones(7), count).astype(np.float32).reshape(count, 7)
    probabilities[withheld] = np.nan
    label = np.where(withheld, -1, np.nan_to_num(probabilities).argmax(1)).astype(np.int8)
    corner = random.uniform(0, 1900, (count, 2))
    return Samples(
        time_s=np.array(time_s, np.float64),
        person=np.array(person, np.int64),
        box=np.hstack([corner, corner + random.uniform(20, 400, (count, 2))]).astype(np.float32),
        state=np.where(withheld, 2, 0).astype(np.int8),
        reason=np.where(withheld, 3, -1).astype(np.int8),
        label=label,
        probabilities=probabilities,
        quality=random.random(count).astype(np.float32),
        valence=np.where(withheld, np.nan, random.uniform(-1, 1, count)).astype(np.float32),
        arousal=np.where(withheld, np.nan, random.uniform(-1, 1, count)).astype(np.float32),
    )


def assert_same(found: Aggregates, expected: Aggregates) -> None:
    """Equal places, equal counts, equal sums but for the last bits of a float."""
    assert found.step_s == expected.step_s
    np.testing.assert_array_equal(found.start_s, expected.start_s)
    np.testing.assert_array_equal(found.person, expected.person)
    for name in SUMS:
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-12, atol=1e-12, err_msg=name)
        assert getattr(found, name).dtype == getattr(expected, name).dtype, name

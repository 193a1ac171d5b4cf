"""The shipped networks, as stages of the line; their accuracy is asserted in `lab/test_evaluate.py`."""

import statistics
import time

import numpy as np
import pytest

from mimik.classify import OnnxClassifier

pytestmark = pytest.mark.integration


def test_one_batch_equals_faces_one_by_one() -> None:
    classifier = OnnxClassifier.load()
    crops = list(np.random.default_rng(0).integers(0, 255, (5, 48, 48), dtype=np.uint8))
    together = classifier.logits(crops)
    assert np.allclose(together, np.concatenate([classifier.logits([crop]) for crop in crops]), atol=1e-3)
    assert classifier.classify([]) == ()


def test_threads_may_share_a_classifier() -> None:
    from concurrent.futures import ThreadPoolExecutor

    classifier = OnnxClassifier.load(threads=1)
    crops = np.random.default_rng(0).integers(0, 255, (16, 48, 48), dtype=np.uint8)
    alone = [classifier.logits([crop])[0] for crop in crops]
    with ThreadPoolExecutor(8) as threads:
        shared = list(threads.map(lambda crop: classifier.logits([crop])[0], crops))
    assert np.allclose(alone, shared, atol=1e-4)


@pytest.mark.timing
def test_a_face_takes_milliseconds_on_one_core() -> None:
    """A loose bound, since test machines are shared; the figure itself stands in docs/decisions.md."""
    classifier = OnnxClassifier.load(threads=1)
    crop = np.zeros((48, 48), np.uint8)
    times = []
    for _ in range(50):
        started = time.perf_counter()
        classifier.logits([crop])
        times.append(time.perf_counter() - started)
    assert statistics.median(times) < 0.02

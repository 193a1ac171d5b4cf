"""Faces of FER-2013 in larger pictures: found, cut out and read nearly as well as when they are fed straight."""

import os
from pathlib import Path

import numpy as np
import pytest

from mimik import Pipeline
from mimik.classify import FERPLUS_SEVEN, OnnxClassifier
from mimik.types import Emotion, State
from tests.faces import compose

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not os.environ.get("MIMIK_FER2013"), reason="MIMIK_FER2013 is not set"),
]

EVERY = 18
"""Every so manieth row of PublicTest is used, so that the test takes seconds."""


def test_detection_and_alignment_cost_little_accuracy() -> None:
    from mimik.lab.data import read_parquet
    from mimik.lab.metrics import ferplus_labels

    faces = read_parquet(Path(os.environ["MIMIK_FER2013"]), "PublicTest")
    # What most of ten people said, as that is what the shown head tells; -1 where they did not agree.
    said = ferplus_labels(faces.counts, "majority")
    rows = [row for row in np.flatnonzero(said >= 0) if said[row] in FERPLUS_SEVEN][::EVERY]
    images, labels = faces.images[rows], [FERPLUS_SEVEN.index(label) for label in said[rows]]
    pipeline, classifier = Pipeline.load(), OnnxClassifier.load()
    straight = [
        scores.top is tuple(Emotion)[label]
        for scores, label in zip(classifier.classify(list(images)), labels, strict=True)
    ]
    found, read, right, right_straight = 0, 0, 0, 0
    for image, label, fed in zip(images, labels, straight, strict=True):
        result = pipeline.read(compose(image, 192))
        if not result:
            continue
        found += 1
        face = max(result, key=lambda one: one.detection.box.height)
        if face.state is not State.WITHHELD:
            read += 1
            right += face.emotions.top is tuple(Emotion)[label]
            right_straight += bool(fed)
    assert found >= 0.93 * len(labels), "nearly all are found; some of FER-2013's pictures are no faces"
    assert read >= 0.9 * found
    assert right >= right_straight - 0.05 * read, "and read nearly as well as when they are fed straight"
    assert right >= 0.75 * read


def test_several_faces_of_one_picture_are_read_at_once() -> None:
    from mimik.lab.data import read_parquet

    faces = read_parquet(Path(os.environ["MIMIK_FER2013"]), "Training")
    happy = faces.images[faces.votes[:, 1] > 0.99][:6]
    tiles = [compose(face, 160) for face in happy]
    picture = np.vstack([np.hstack(tiles[:3]), np.hstack(tiles[3:])])
    result = Pipeline.load().read(picture)
    assert len(result) == 6
    assert [face.detection.box.x1 for face in result] == sorted(face.detection.box.x1 for face in result)
    assert sum(face.emotions.top is Emotion.HAPPY for face in result) >= 5

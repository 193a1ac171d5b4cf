"""The line, with fake stages."""

import numpy as np
import pytest

from mimik.errors import SourceError
from mimik.types import Emotion, Reason, SourceKind, State
from tests.fakes import FakeClassifier, FakeSource, detection, fake_pipeline

BLACK = np.zeros((90, 160, 3), np.uint8)


def test_faces_come_left_to_right_in_one_batch() -> None:
    classifier = FakeClassifier()
    faces = fake_pipeline(detection(x=90), detection(x=10), detection(x=50), classifier=classifier).read(BLACK)
    assert [face.detection.box.x1 for face in faces] == [10, 50, 90]
    assert classifier.batches == [3]


def test_a_face_that_cannot_be_read_is_withheld_and_never_reaches_the_network() -> None:
    classifier = FakeClassifier()
    small, good = fake_pipeline(detection(x=5, side=12), detection(x=50), classifier=classifier).read(BLACK)
    assert (small.state, small.reason, small.emotions.top) == (State.WITHHELD, Reason.TOO_SMALL, None)
    assert good.emotions.top is Emotion.HAPPY
    assert classifier.batches == [1]


def test_nothing_readable_runs_no_network() -> None:
    classifier = FakeClassifier()
    fake_pipeline(detection(side=12), classifier=classifier).read(BLACK)
    assert classifier.batches == []


def test_a_video_gives_every_frame_in_order() -> None:
    source = FakeSource(25)
    results = list(fake_pipeline().run(source))
    assert [result.frame.index for result in results] == list(range(25))
    assert all(result.faces[0].track_id == 1 and result.dropped == 0 for result in results)
    assert source.closed.is_set()


def test_pictures_have_no_ids() -> None:
    (result,) = fake_pipeline().run(FakeSource(1, kind=SourceKind.PICTURES))
    assert result.faces[0].track_id is None
    assert result.faces[0].label is Emotion.HAPPY


def test_leaving_the_iteration_closes_the_source() -> None:
    source = FakeSource(10_000, fps=200, kind=SourceKind.LIVE)
    for _ in fake_pipeline().run(source):
        break
    assert source.closed.wait(2)


def test_the_error_of_a_broken_video_reaches_the_caller_after_its_frames() -> None:
    results = fake_pipeline().run(FakeSource(3, error=SourceError("{path}: broke", path="x")))
    assert [next(results).frame.index for _ in range(3)] == [0, 1, 2]
    with pytest.raises(SourceError, match="x: broke"):
        next(results)

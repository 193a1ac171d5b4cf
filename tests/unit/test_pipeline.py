"""The line, with fake stages."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mimik.errors import SourceError
from mimik.types import Detection, Emotion, EmotionScores, Frame, Image, Reason, SourceKind, State
from tests.fakes import FakeClassifier, FakeSource, detection, fake_pipeline, scores

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


def test_frames_read_together_read_as_each_alone() -> None:
    """In one batch, and every reading with the face it belongs to."""

    class ByEdge(FakeClassifier):
        """Reads from a crop's gray value, which is the face's left edge."""

        def classify(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[EmotionScores, ...]:
            self.batches.append(len(crops))
            return tuple(scores(confidence=0.5 + int(crop[0, 0]) / 1000) for crop in crops)

    class ByWidth:
        """Finds as many faces as a picture is hundreds of pixels wide; the second is too small."""

        def detect(self, image: Image) -> tuple[Detection, ...]:
            sides = (40, 12, 50)
            return tuple(detection(x=20 * n + image.shape[0], side=sides[n]) for n in range(image.shape[1] // 100))

    classifier = ByEdge()
    pipeline = fake_pipeline(classifier=classifier)
    pipeline._detector = ByWidth()
    images = [np.zeros((height, width, 3), np.uint8) for height, width in ((9, 300), (8, 50), (7, 200), (6, 100))]
    together = pipeline.read_found([Frame(image) for image in images], [pipeline.find(image) for image in images])
    assert classifier.batches == [4]
    assert [len(faces) for faces in together] == [3, 0, 2, 1]
    for image, faces in zip(images, together, strict=True):
        for face, alone in zip(faces, pipeline.read(image), strict=True):
            assert face.detection.box == alone.detection.box
            assert (face.state, face.reason, face.quality) == (alone.state, alone.reason, alone.quality)
            np.testing.assert_array_equal(face.emotions.probabilities, alone.emotions.probabilities)
    assert pipeline.read_found((), ()) == ()


def test_a_crowd_goes_through_the_network_in_parts() -> None:
    """Of several frames together, each face with its own reading."""

    class Counting(FakeClassifier):
        """Reads a crop as the how-manieth it is."""

        def classify(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[EmotionScores, ...]:
            before = sum(self.batches)
            self.batches.append(len(crops))
            return tuple(scores(confidence=0.4 + (before + number) / 1000) for number in range(len(crops)))

    classifier = Counting()
    pipeline = fake_pipeline(classifier=classifier)
    frames, found = [Frame(BLACK)] * 3, [[detection(x) for x in range(100)]] * 3
    read = pipeline.read_found(frames, found)
    assert classifier.batches == [256, 44]
    told = [face.emotions.confidence for faces in read for face in faces]
    assert told == pytest.approx([0.4 + number / 1000 for number in range(300)])


def test_a_face_once_cut_out_needs_its_frame_no_more() -> None:
    """And of a decoder's picture it needs the luma alone."""

    class Luma:
        size = (160, 90)
        gray = np.zeros((90, 160), np.uint8)

        @property
        def image(self) -> Image:
            raise AssertionError("no colours are needed")

    pipeline = fake_pipeline()
    cuts = pipeline.cut(Frame(Luma()), [detection(90), detection(x=5, side=12), detection(30)])
    assert [cut.detection.box.x1 for cut in cuts] == [5, 30, 90]
    assert [cut.crop is None for cut in cuts] == [True, False, False]
    ((small, *good),) = pipeline.classify([cuts])
    assert (small.state, small.reason) == (State.WITHHELD, Reason.TOO_SMALL)
    assert [face.emotions.top for face in good] == [Emotion.HAPPY] * 2
    assert pipeline.classify([]) == ()
    assert pipeline.classify([(), ()]) == ((), ())


@given(st.floats(0.05, 60), st.lists(st.floats(0, 5), min_size=1, max_size=30))
def test_a_turn_begins_once_in_its_time(turn_s: float, steps: list[float]) -> None:
    """Whatever the frames' times: each turn that has a frame begins with the first one in it."""
    turn = fake_pipeline(turn_s=turn_s).turn
    times = np.cumsum(steps).tolist()
    begins = [turn(now, last) for last, now in pairwise([None, *times])]
    assert begins[0]
    assert sum(begins) == len({math.floor(now / turn_s + 1e-6) for now in times})


def test_where_turns_last_no_time_each_frame_is_one() -> None:
    pipeline = fake_pipeline()
    assert pipeline.turn(1.0, None)
    assert pipeline.turn(1.0, 1.0)
    assert not fake_pipeline(turn_s=0.5).turn(1.0, 1.0)
    assert fake_pipeline(turn_s=0.5).turn(1.5, 1.4999)


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
    assert source.closed.wait(20)


def test_the_error_of_a_broken_video_reaches_the_caller_after_its_frames() -> None:
    results = fake_pipeline().run(FakeSource(3, error=SourceError("{path}: broke", path="x")))
    assert [next(results).frame.index for _ in range(3)] == [0, 1, 2]
    with pytest.raises(SourceError, match="x: broke"):
        next(results)

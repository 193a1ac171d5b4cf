"""Values and what is derived from them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimik.errors import MimikError
from mimik.types import Box, Emotion, EmotionScores, Frame, Gray, Image
from tests.fakes import scores


def test_emotions_are_in_the_order_of_fer2013() -> None:
    assert [str(emotion) for emotion in Emotion] == ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]


@pytest.mark.parametrize("emotion", Emotion)
def test_top_and_confidence(emotion: Emotion) -> None:
    reading = scores(emotion, 0.7)
    assert reading.top is emotion
    assert reading.confidence == pytest.approx(0.7)
    assert reading[emotion] == pytest.approx(0.7)


def test_a_withheld_reading_tells_nothing() -> None:
    empty = EmotionScores(None)
    assert (empty.top, empty.confidence, empty.valence, empty.arousal) == (None, 0.0, None, None)
    assert empty[Emotion.HAPPY] == 0.0


@given(st.lists(st.floats(0.001, 1), min_size=7, max_size=7))
def test_valence_and_arousal_stay_on_the_circumplex(weights: list[float]) -> None:
    reading = EmotionScores((np.array(weights) / sum(weights)).astype(np.float32))
    assert reading.valence is not None
    assert reading.arousal is not None
    assert -1 <= reading.valence <= 1
    assert -1 <= reading.arousal <= 1


def test_valence_has_the_sign_that_people_expect() -> None:
    assert (scores(Emotion.HAPPY).valence or 0) > 0.5
    assert (scores(Emotion.SAD).valence or 0) < -0.4
    assert (scores(Emotion.SAD).arousal or 0) < 0 < (scores(Emotion.ANGRY).arousal or 0)
    assert EmotionScores(np.eye(7, dtype=np.float32)[6]).valence == 0


def test_box_measures() -> None:
    box = Box(10, 20, 40, 80)
    assert (box.width, box.height, box.centre) == (30, 60, (25, 50))


def test_errors_keep_their_template_and_values() -> None:
    error = MimikError("{path}: {detail}", path="a", detail="b {c}")
    assert str(error) == "a: b {c}"
    assert (error.text, error.values) == ("{path}: {detail}", {"path": "a", "detail": "b {c}"})
    assert str(MimikError("plain {braces}")) == "plain {braces}"


class Lazy:
    """A picture that takes a form only when asked; counts."""

    size = (6, 4)

    def __init__(self) -> None:
        self.asked: list[str] = []

    @property
    def image(self) -> Image:
        self.asked.append("image")
        return np.full((4, 6, 3), 7, np.uint8)

    @property
    def gray(self) -> Gray:
        self.asked.append("gray")
        return np.full((4, 6), 7, np.uint8)


def test_a_frames_pixels_are_in_the_form_that_costs_least() -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    plain, lazy = Frame(image, 3, 0.1), Lazy()
    assert plain.image is plain.pixels is image
    frame = Frame(lazy, 3, 0.1)
    assert plain.size == frame.size == (6, 4)
    assert lazy.asked == []
    assert frame.pixels.shape == (4, 6)
    assert frame.image.shape == (4, 6, 3)
    assert lazy.asked == ["gray", "image"]


@pytest.mark.parametrize("lazy", [False, True])
def test_a_frame_without_pixels_is_black_and_takes_no_memory(lazy: bool) -> None:
    picture = Lazy() if lazy else np.full((4, 6, 3), 7, np.uint8)
    frame = Frame(picture, 3, 0.1, 9.0, "a.mp4")
    bare = frame.without_pixels()
    assert (bare.index, bare.time_s, bare.captured_s, bare.source, bare.size) == (3, 0.1, 9.0, "a.mp4", (6, 4))
    assert bare.image.shape == (4, 6, 3)
    assert not bare.image.any()
    assert bare.image.strides == (0, 0, 0)
    assert not isinstance(picture, Lazy) or picture.asked == []

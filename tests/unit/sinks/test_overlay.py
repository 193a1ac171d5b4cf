"""Drawing on pictures, and hiding faces."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimik.sinks.overlay import Anonymiser, Overlay, anonymise
from mimik.types import Box, Emotion, Face, Image, Reason, State
from mimik.words import EMOTION_COLOURS, LANGUAGES

from .samples import face, result, withheld

BOX = Box(60, 100, 140, 200)


def drawn(one: Face, language: str = "en", ground: int = 127) -> Image:
    image = np.full((360, 480, 3), ground, np.uint8)
    return Overlay(language).draw_on(image, (dataclasses.replace(one, detection=face(box=BOX).detection),))


def share(image: Image, colour: tuple[int, int, int]) -> float:
    return float((image == np.array(colour)).all(axis=2).mean())


def bgr(code: str) -> tuple[int, int, int]:
    return int(code[5:7], 16), int(code[3:5], 16), int(code[1:3], 16)


def test_the_picture_given_stays_as_it_is() -> None:
    one = result(face())
    before = one.frame.image.copy()
    assert (Overlay().draw(one) != before).any()
    np.testing.assert_array_equal(one.frame.image, before)


def test_no_face_draws_nothing() -> None:
    one = result()
    np.testing.assert_array_equal(Overlay().draw(one), one.frame.image)


@pytest.mark.parametrize("emotion", Emotion)
def test_a_sure_face_wears_its_expressions_colour(emotion: Emotion) -> None:
    assert share(drawn(face(label=emotion)), bgr(EMOTION_COLOURS[emotion])) > 0.005


def test_uncertain_and_withheld_faces_do_not() -> None:
    for one in (face(State.UNCERTAIN, Emotion.HAPPY, Reason.LOW_CONFIDENCE), withheld()):
        assert share(drawn(one), bgr(EMOTION_COLOURS[Emotion.HAPPY])) == 0


def test_every_state_expression_reason_person_and_language_looks_different() -> None:
    looks = [
        drawn(one, language).tobytes()
        for language, one in itertools.product(
            LANGUAGES,
            [
                *(face(label=emotion) for emotion in Emotion),
                *(face(State.UNCERTAIN, emotion, Reason.LOW_CONFIDENCE) for emotion in Emotion),
                *(withheld(reason) for reason in Reason),
                face(track_id=2),
                face(track_id=None),
            ],
        )
    ]
    assert len(set(looks)) == len(looks)


@pytest.mark.parametrize("ground", [0, 60, 127, 225, 255])
@pytest.mark.parametrize("one", [face(), face(State.UNCERTAIN), withheld()], ids=["sure", "uncertain", "withheld"])
def test_the_box_stands_out_on_any_ground(one: Face, ground: int) -> None:
    image = drawn(one, ground=ground)
    side = image[150:190, 56:65].astype(int)  # across the left side, clear of the label
    assert int(side.max()) - int(side.min()) > 100
    assert np.abs(side - ground).max() > 100


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 300),
    st.integers(1, 300),
    st.floats(-50, 300),
    st.floats(-50, 300),
    st.floats(0.5, 400),
    st.sampled_from([face(), face(State.UNCERTAIN), withheld()]),
)
def test_any_box_on_any_picture_can_be_drawn_and_hidden(
    width: int, height: int, x: float, y: float, side: float, one: Face
) -> None:
    image = np.full((height, width, 3), 9, np.uint8)
    box = Box(x, y, x + side, y + side)
    shown = dataclasses.replace(one, detection=face(box=box).detection)
    assert Overlay("tr").draw_on(image, (shown,)).shape == image.shape
    assert anonymise(image, [box]).shape == image.shape


def noise(height: int = 240, width: int = 320) -> Image:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_a_hidden_head_keeps_sixteen_colours_and_the_rest_stays() -> None:
    image = noise()
    hidden = anonymise(image, [Box(100, 80, 180, 180)])
    head = np.s_[45:195, 88:192]  # 15 % to the sides and below, 35 % above
    assert len(np.unique(hidden[head].reshape(-1, 3), axis=0)) <= 16
    rest = np.ones(image.shape[:2], bool)
    rest[head] = False
    np.testing.assert_array_equal(hidden[rest], image[rest])


def test_fine_detail_leaves_no_trace() -> None:
    """Two faces that differ only in detail finer than the cells become the same."""
    image = np.full((240, 320, 3), 120, np.uint8)
    pattern = image.copy()
    pattern[::2, ::2], pattern[1::2, 1::2], pattern[::2, 1::2], pattern[1::2, ::2] = 80, 160, 80, 160
    box = Box(100, 80, 180, 180)
    apart = anonymise(image, [box])[60:180, 100:180].astype(int) - anonymise(pattern, [box])[60:180, 100:180]
    assert np.abs(apart).max() <= 2


def test_a_person_just_lost_stays_hidden_for_half_a_second() -> None:
    anonymiser = Anonymiser()
    anonymiser.hide(result(face(box=Box(20, 30, 60, 80)), time_s=1.0))
    noisy = dataclasses.replace(result(time_s=1.4).frame, picture=noise(120, 160))

    def later(time_s: float) -> bool:
        frame = dataclasses.replace(noisy, time_s=time_s)
        hidden = anonymiser.hide(dataclasses.replace(result(), frame=frame))
        return bool((hidden[30:80, 20:60] != noisy.image[30:80, 20:60]).any())

    assert later(1.4)
    assert not later(1.6)

"""Moving faces on by optical flow: as pictures move, so do boxes and landmarks; what cannot be followed is told."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mimik.detect.flow import moved
from mimik.types import Box, Detection, Gray

WIDTH, HEIGHT = 480, 360
MARKS = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])


def texture(seed: int, tall: float = 100, width: int = WIDTH, height: int = HEIGHT) -> Gray:
    """Soft patches of sizes from half of a face's, which is so tall, to its pupils'."""
    random = np.random.default_rng(seed)
    picture = np.full((height, width), 128.0, np.float32)
    for share, strength in ((0.5, 22), (0.2, 20), (0.08, 20)):
        step = max(2, round(share * tall))
        coarse = random.normal(0, strength, (height // step + 2, width // step + 2)).astype(np.float32)
        picture += np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    return picture.clip(0, 255).astype(np.uint8)


def face(x: float, y: float, wide: float, tall: float) -> Detection:
    marks = (MARKS * (wide, tall) + (x, y)).astype(np.float32)
    return Detection(Box(x, y, x + wide, y + tall), 0.8, marks)


def turned(
    picture: Gray, at: tuple[float, float], angle: float, scale: float, shift: tuple[float, float]
) -> tuple[Gray, NDArray[np.float64]]:
    """The picture turned and scaled about a place, then shifted; and the ``(2, 3)`` matrix that takes points there."""
    matrix = np.asarray(cv2.getRotationMatrix2D(at, angle, scale), np.float64)
    matrix[:, 2] += shift
    height, width = picture.shape
    after = cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(after, np.uint8), matrix


def carried(points: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1000),
    tall=st.floats(36, 170),
    shape=st.floats(0.7, 1.0),
    angle=st.floats(-5, 5),
    scale=st.floats(0.95, 1.05),
    shift=st.tuples(st.floats(-0.07, 0.07), st.floats(-0.07, 0.07)),
)
def test_box_and_landmarks_move_as_the_picture_does(
    seed: int, tall: float, shape: float, angle: float, scale: float, shift: tuple[float, float]
) -> None:
    wide = tall * shape
    before, known = texture(seed, tall), face(240 - wide / 2, 180 - tall / 2, wide, tall)
    after, matrix = turned(before, known.box.centre, angle, scale, (shift[0] * tall, shift[1] * tall))
    found = moved(before, after, known)
    assert found is not None
    assert found.score == known.score
    (centre,) = carried(np.array([known.box.centre]), matrix)
    assert found.box.centre == pytest.approx(centre, abs=0.01 * tall)
    assert (found.box.width, found.box.height) == pytest.approx((wide * scale, tall * scale), rel=0.03)
    assert known.landmarks is not None
    assert found.landmarks is not None
    assert found.landmarks.dtype == np.float32
    off = np.linalg.norm(found.landmarks - carried(known.landmarks.astype(np.float64), matrix), axis=1)
    assert off.max() < 0.03 * tall


def drift(seed: int, tall: float, noise: float, light: float) -> float:
    """How far a box has wandered, in its heights, after half a second of a picture that keeps still."""
    random = np.random.default_rng(seed)
    plain, known = texture(seed, tall).astype(np.float32), face(240 - tall / 2, 180 - tall / 2, tall, tall)
    last, now = plain.astype(np.uint8), known
    for number in range(1, 16):
        lit = plain * (1 + (light - 1) * number / 15) + random.normal(0, noise, plain.shape)
        picture = lit.clip(0, 255).astype(np.uint8)
        found = moved(last, picture, now)
        assert found is not None
        last, now = picture, found
    return float(np.abs(np.subtract(now.box, known.box)).max()) / tall


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), tall=st.floats(48, 200), noise=st.floats(0, 3))
def test_a_sensors_noise_moves_no_box(seed: int, tall: float, noise: float) -> None:
    """Errors must not add up from frame to frame."""
    assert drift(seed, tall, noise, light=1) < 0.03


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), tall=st.floats(48, 200), light=st.floats(0.95, 1.05))
def test_a_change_of_light_moves_a_box_little(seed: int, tall: float, light: float) -> None:
    assert drift(seed, tall, 1, light) < 0.05


def test_a_detection_without_landmarks_is_followed_too() -> None:
    before = texture(1)
    after, _ = turned(before, (0, 0), 0, 1, (4, -3))
    found = moved(before, after, Detection(Box(200, 140, 280, 220), 0.7))
    assert found is not None
    assert tuple(found.box) == pytest.approx((204, 137, 284, 217), abs=0.5)
    assert found.landmarks is None


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), tall=st.floats(30, 200))
def test_another_picture_is_not_followed(seed: int, tall: float) -> None:
    """A cut to another scene."""
    known = face(240 - tall / 2, 180 - tall / 2, tall, tall)
    assert moved(texture(seed, tall), texture(seed + 1001, tall), known) is None


@pytest.mark.parametrize("gray", [0, 128, 255])
@pytest.mark.parametrize("gone", ["before", "after", "both"])
def test_a_blank_wall_is_not_followed(gray: int, gone: str) -> None:
    blank, full = np.full((HEIGHT, WIDTH), gray, np.uint8), texture(3)
    before = full if gone == "after" else blank
    after = full if gone == "before" else blank
    assert moved(before, after, face(200, 130, 80, 100)) is None


def test_a_face_that_something_passes_before_is_not_followed() -> None:
    """Three quarters of it are hidden all at once."""
    before = texture(4)
    after = before.copy()
    after[130:230, 200:264] = texture(5)[130:230, 200:264]
    assert moved(before, after, face(200, 130, 80, 100)) is None


@pytest.mark.parametrize(
    ("x", "y", "shift"),
    [(6, 100, (-8, 0)), (200, 6, (0, -8)), (WIDTH - 86, 100, (8, 0)), (200, HEIGHT - 106, (0, 8))],
)
def test_a_face_that_reaches_a_border_is_not_followed(x: float, y: float, shift: tuple[float, float]) -> None:
    """What is left of it there nobody knows; just as far inwards it is followed."""
    before, known = texture(6), face(x, y, 80, 100)
    outwards, _ = turned(before, (0, 0), 0, 1, shift)
    inwards, _ = turned(before, (0, 0), 0, 1, (-shift[0], -shift[1]))
    assert moved(before, outwards, known) is None
    found = moved(before, inwards, known)
    assert found is not None
    assert found.box.centre == pytest.approx(np.subtract(known.box.centre, shift), abs=1)


@st.composite
def _places(draw: st.DrawFn) -> tuple[int, int, Box]:
    width, height = draw(st.integers(1, 300)), draw(st.integers(1, 300))
    x1, y1 = draw(st.floats(0, width - 0.01)), draw(st.floats(0, height - 0.01))
    x2, y2 = draw(st.floats(x1 + 0.005, width)), draw(st.floats(y1 + 0.005, height))
    return width, height, Box(x1, y1, x2, y2)


@settings(max_examples=200, deadline=None)
@given(_places(), st.booleans())
def test_no_box_within_a_picture_is_an_error(place: tuple[int, int, Box], still: bool) -> None:
    """However small, thin or close to the border; and what is followed stays within."""
    width, height, box = place
    before = texture(7, 20, width, height)
    after = before if still else texture(8, 20, width, height)
    found = moved(before, after, Detection(box, 0.5))
    if found is not None:
        assert 1 <= found.box.x1 < found.box.x2 <= width - 1
        assert 1 <= found.box.y1 < found.box.y2 <= height - 1
        assert all(math.isfinite(edge) for edge in found.box)


def test_the_decoders_own_luma_is_followed_as_a_copy_of_it() -> None:
    """Its rows lie further apart than they are long, and it may not be written to."""
    before, known = texture(9), face(200, 130, 80, 100)
    after, _ = turned(before, (0, 0), 0, 1, (3, 2))
    padded = []
    for picture in (before, after):
        wide = np.zeros((HEIGHT, WIDTH + 32), np.uint8)
        wide[:, :WIDTH] = picture
        wide.flags.writeable = False
        padded.append(wide[:, :WIDTH])
    found, same = moved(padded[0], padded[1], known), moved(before, after, known)
    assert found is not None
    assert same is not None
    assert found.box == same.box

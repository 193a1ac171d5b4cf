"""Cutting faces out: size, framing, and that it does not matter how the face lies in the picture."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mimik.align import FaceAligner
from mimik.types import Box, Detection, Image
from tests.faces import collins

# Where a face lies in a FER-2013 frame of side 1: eyes, nose, mouth, box.
POINTS = np.array([[0.33, 0.4], [0.67, 0.4], [0.5, 0.57], [0.37, 0.76], [0.63, 0.76]])
BOX = (0.12, 0.038, 0.88, 0.981)


def scene() -> Image:
    """A large soft pattern, coloured, that looks different turned, moved or mirrored."""
    random = np.random.default_rng(5)
    coarse = random.integers(0, 256, (9, 9, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (400, 400), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def lying(side: float, x: float, y: float, angle: float) -> Detection:
    """A face whose frame has this side and middle and is turned by these degrees, clockwise as seen."""
    turn = np.array(
        [
            [math.cos(math.radians(angle)), -math.sin(math.radians(angle))],
            [math.sin(math.radians(angle)), math.cos(math.radians(angle))],
        ]
    )
    points = ((POINTS - 0.5) * side) @ turn.T + (x, y)
    middle = turn @ np.array([(BOX[0] + BOX[2]) / 2 - 0.5, (BOX[1] + BOX[3]) / 2 - 0.5]) * side + (x, y)
    half = np.array([BOX[2] - BOX[0], BOX[3] - BOX[1]]) * side / 2
    return Detection(Box(*(middle - half).tolist(), *(middle + half).tolist()), 0.9, points.astype(np.float32))


def likeness(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Correlation, away from the edge."""
    return float(np.corrcoef(one[3:-3, 3:-3].ravel(), other[3:-3, 3:-3].ravel())[0, 1])


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-30, 430),
    st.floats(-30, 430),
    st.floats(1, 900),
    st.floats(-180, 180),
    st.sampled_from([32, 48, 64]),
    st.booleans(),
)
def test_any_face_gives_a_crop(x: float, y: float, side: float, angle: float, pixels: int, marked: bool) -> None:
    """Tiny, huge, upside down, over the border or outside: always gray and of the asked size."""
    face = lying(side, x, y, angle)
    crop = FaceAligner(pixels).align(scene(), face if marked else Detection(face.box, 0.9))
    assert crop.shape == (pixels, pixels)
    assert crop.dtype == np.uint8


def test_the_frame_is_that_of_fer2013() -> None:
    """A face that lies as FER-2013's do comes out pixel by pixel."""
    picture = scene()
    crop = FaceAligner(48).align(picture, lying(96, 200, 180, 0))
    expected = cv2.cvtColor(
        cv2.resize(picture[132:228, 152:248], (48, 48), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY
    )
    assert likeness(crop, np.asarray(expected)) > 0.99
    without_marks = FaceAligner(48).align(picture, Detection(lying(96, 200, 180, 0).box, 0.9))
    assert likeness(without_marks, np.asarray(expected)) > 0.99


@settings(max_examples=40, deadline=None)
@given(st.floats(-60, 60), st.floats(0.5, 2), st.floats(-30, 30), st.floats(-30, 30))
def test_turn_size_and_place_do_not_matter(angle: float, scale: float, right: float, down: float) -> None:
    """A picture turned, enlarged and moved about a face gives the same crop."""
    picture, face = scene(), lying(90, 200, 200, 0)
    change = cv2.getRotationMatrix2D((200, 200), -angle, scale)
    change[:, 2] += np.array([right, down])
    moved = np.asarray(cv2.warpAffine(picture, change, (400, 400), borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8)
    moved_face = lying(90 * scale, 200 + right, 200 + down, angle)
    aligner = FaceAligner()
    assert likeness(aligner.align(picture, face), aligner.align(moved, moved_face)) > 0.98


def test_shrinking_averages() -> None:
    """Stripes of one pixel become even gray, not a pattern of their own."""
    stripes = np.zeros((800, 800, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = FaceAligner().align(stripes, lying(610, 400, 400, 7))
    assert abs(float(crop.mean()) - 127.5) < 3
    assert crop.std() < 12


def test_beyond_the_border_the_nearest_pixel_repeats() -> None:
    """Not black: the network has never seen black borders."""
    picture = np.full((200, 200, 3), 180, np.uint8)
    assert (FaceAligner().align(picture, lying(100, 5, 100, 20)) == 180).all()


@pytest.mark.parametrize("broken", [np.zeros((5, 2)), np.full((5, 2), np.nan)])
def test_broken_landmarks_fall_back_on_the_box(broken: NDArray[np.float64]) -> None:
    """All in one place, or not numbers."""
    face = lying(96, 200, 180, 0)
    crop = FaceAligner().align(scene(), Detection(face.box, 0.9, broken.astype(np.float32)))
    np.testing.assert_array_equal(crop, FaceAligner().align(scene(), Detection(face.box, 0.9)))


def test_a_smile_stands_where_it_stands_in_fer2013() -> None:
    """Collins's teeth, the brightest of the lower half, come out below the middle of the crop."""
    points = np.array([[203, 102], [247, 104], [223, 125], [203, 142], [241, 144]], np.float32)
    crop = FaceAligner().align(collins(), Detection(Box(181, 58, 270, 178), 0.9, points))
    row, column = np.unravel_index(int(crop[30:44, 14:34].argmax()), (14, 20))
    assert 33 <= row + 30 <= 40
    assert 17 <= column + 14 <= 31

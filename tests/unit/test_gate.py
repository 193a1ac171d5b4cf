"""Which faces are read, which are withheld, and for what reason."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mimik.gate import QualityGate
from mimik.types import Box, Detection, Image, Quality, Reason
from tests.faces import collins, hopper

HOPPER = Detection(
    Box(173.5, 127.7, 358.5, 334.1),
    0.87,
    np.array([[221.2, 200.5], [303.1, 191.7], [265.5, 238.1], [237.3, 279.3], [304.6, 271.8]], np.float32),
)
COLLINS = Detection(
    Box(181.5, 58.2, 269.9, 177.8),
    0.93,
    np.array([[203.2, 101.7], [247, 104.5], [223.3, 125.1], [203.4, 142.3], [241.3, 144.4]], np.float32),
)
BUNDLED = pytest.mark.parametrize(
    ("picture", "face"), [(hopper(), HOPPER), (collins(), COLLINS)], ids=["hopper", "collins"]
)


def times(picture: Image, factor: float) -> Image:
    """Brighter or darker, as a sensor clips."""
    return np.asarray(np.clip(picture * float(factor), 0, 255), dtype=np.uint8)


def blurred(picture: Image, face: Detection, share: float) -> Image:
    """Blurred by a share of the face's height."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), share * face.box.height), dtype=np.uint8)


def moved(face: Detection, scale: float = 1, right: float = 0, down: float = 0) -> Detection:
    """The face scaled about the origin, then moved."""
    assert face.landmarks is not None
    x1, y1, x2, y2 = (scale * edge for edge in face.box)
    points = (face.landmarks * scale + (right, down)).astype(np.float32)
    return Detection(Box(x1 + right, y1 + down, x2 + right, y2 + down), face.score, points)


def cut(face: Detection, width: int, height: int) -> Detection:
    """The face with its box cut to a picture's size, as detectors do."""
    x1, y1, x2, y2 = face.box
    return Detection(Box(max(0, x1), max(0, y1), min(width, x2), min(height, y2)), face.score, face.landmarks)


def marked(face: Detection, points: NDArray[np.float64]) -> Detection:
    """The face with other landmarks, given as shares of its box."""
    x, y = face.box.x1 + points[:, 0] * face.box.width, face.box.y1 + points[:, 1] * face.box.height
    return Detection(face.box, face.score, np.stack([x, y], axis=1).astype(np.float32))


@BUNDLED
def test_good_faces_pass(picture: Image, face: Detection) -> None:
    """With the best score, with or without landmarks."""
    assert QualityGate().judge(picture, face) == Quality(1.0)
    assert QualityGate().judge(picture, Detection(face.box, face.score)) == Quality(1.0)


@BUNDLED
def test_dark(picture: Image, face: Detection) -> None:
    """A tenth of the light."""
    assert QualityGate().judge(times(picture, 0.1), face) == Quality(0.0, Reason.DARK)
    assert QualityGate().judge(times(picture, 0.5), face).reason is None


@BUNDLED
def test_overexposed(picture: Image, face: Detection) -> None:
    """Most of the face burnt out."""
    assert QualityGate().judge(times(picture, 5), face) == Quality(0.0, Reason.OVEREXPOSED)
    assert QualityGate().judge(times(picture, 1.2), face).reason is None


@BUNDLED
def test_blurred(picture: Image, face: Detection) -> None:
    """By a fifteenth of its height, at which readings are right as often as not."""
    assert QualityGate().judge(blurred(picture, face, 1 / 15), face) == Quality(0.0, Reason.BLURRED)
    assert QualityGate().judge(blurred(picture, face, 0.01), face).reason is None


@BUNDLED
def test_too_small(picture: Image, face: Detection) -> None:
    """Lower than asked, by the box; at just that height it is read."""
    for height, reason in ((27.5, Reason.TOO_SMALL), (28.5, None)):
        scale = height / face.box.height
        small = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        assert QualityGate(smallest=28).judge(small, moved(face, scale)).reason is reason
    exact = QualityGate(smallest=face.box.height).judge(picture, face)
    assert exact.reason is None
    assert exact.score > 0


@pytest.mark.parametrize("share", [0.35, 0.5])
@pytest.mark.parametrize("edge", ["left", "right", "top", "bottom"])
@BUNDLED
def test_cut_off(picture: Image, face: Detection, edge: str, share: float) -> None:
    """A third of the face or more beyond each border."""
    height, width = picture.shape[:2]
    left, top = int(face.box.x1 + share * face.box.width), int(face.box.y1 + share * face.box.height)
    right, bottom = int(face.box.x2 - share * face.box.width), int(face.box.y2 - share * face.box.height)
    window = {
        "left": (left, 0, width, height),
        "top": (0, top, width, height),
        "right": (0, 0, right, height),
        "bottom": (0, 0, width, bottom),
    }[edge]
    part = picture[window[1] : window[3], window[0] : window[2]]
    seen = cut(moved(face, 1, -window[0], -window[1]), part.shape[1], part.shape[0])
    assert QualityGate().judge(part, seen) == Quality(0.0, Reason.CUT_OFF)


@BUNDLED
def test_touching_the_border_is_not_cut_off(picture: Image, face: Detection) -> None:
    """A face that fills the picture is whole."""
    x1, y1, x2, y2 = map(int, face.box)
    part = picture[y1:y2, x1:x2]
    seen = cut(moved(face, 1, -x1, -y1), part.shape[1], part.shape[0])
    assert QualityGate().judge(part, seen).reason is None


def test_cut_off_in_a_corner_without_landmarks() -> None:
    """The box alone tells of two borders at once."""
    corner = Detection(Box(0, 0, 60, 80), 0.9)
    assert QualityGate().judge(collins(), corner).reason is Reason.CUT_OFF


# Eyes, nose, mouth as shares of a box.
PROFILE = np.array([[0.28, 0.40], [0.38, 0.40], [0.08, 0.60], [0.25, 0.78], [0.35, 0.78]])
UP = np.array([[0.3, 0.42], [0.7, 0.42], [0.5, 0.52], [0.33, 0.75], [0.67, 0.75]])
DOWN = np.array([[0.3, 0.5], [0.7, 0.5], [0.5, 0.74], [0.33, 0.8], [0.67, 0.8]])
HALF = np.array([[0.3, 0.4], [0.6, 0.4], [0.36, 0.59], [0.32, 0.77], [0.58, 0.77]])


@pytest.mark.parametrize("points", [PROFILE, UP, DOWN], ids=["profile", "up", "down"])
@pytest.mark.parametrize("mirrored", [False, True])
def test_turned_away(points: NDArray[np.float64], mirrored: bool) -> None:
    """To either side, up and down."""
    if mirrored:
        points = (points * (-1, 1) + (1, 0))[[1, 0, 2, 4, 3]]
    assert QualityGate().judge(hopper(), marked(HOPPER, points)) == Quality(0.0, Reason.TURNED_AWAY)


def test_half_turned_faces_are_read() -> None:
    """With a lower score than from the front."""
    quality = QualityGate().judge(hopper(), marked(HOPPER, HALF))
    assert quality.reason is None
    assert 0 < quality.score < 1


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_darker_is_never_better(one: float, other: float) -> None:
    """The score falls with the light; it is 0 exactly where there is a reason."""
    darker, lighter = (QualityGate().judge(times(collins(), factor), COLLINS) for factor in sorted([one, other]))
    assert darker.score <= lighter.score
    for quality in (darker, lighter):
        assert (quality.score == 0) == (quality.reason is not None)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.002, 0.2), st.floats(0.002, 0.2))
def test_more_blurred_is_never_better(one: float, other: float) -> None:
    """The score falls with the blur."""
    gate, (less, more) = QualityGate(), sorted([one, other])
    sharper, softer = (gate.judge(blurred(collins(), COLLINS, share), COLLINS) for share in (less, more))
    assert softer.score <= sharper.score + 0.02


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 0.45), st.floats(0, 0.45), st.sampled_from([-1, 1]))
def test_more_turned_is_never_better(one: float, other: float, towards: int) -> None:
    """The score falls with the nose's way aside, alike to both sides."""

    def judged(aside: float) -> Quality:
        points = np.array([[0.3, 0.4], [0.7, 0.4], [0.5 + aside, 0.61], [0.33, 0.78], [0.67, 0.78]])
        return QualityGate().judge(hopper(), marked(HOPPER, points))

    less, more = sorted([one, other])
    assert judged(towards * more).score <= judged(towards * less).score
    assert judged(more).score == pytest.approx(judged(-more).score, abs=1e-3)


@settings(max_examples=60, deadline=None)
@given(st.floats(-0.5, 0.5), st.floats(0.3, 3))
def test_tilting_the_head_changes_no_turn(angle: float, scale: float) -> None:
    """A face is not turned away for lying askew, nor for its size."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert HOPPER.landmarks is not None
    middle = np.array(HOPPER.box.centre)
    points = ((HOPPER.landmarks - middle) @ turn.T * scale + middle).astype(np.float32)
    quality = QualityGate().judge(np.tile(hopper(), (3, 3, 1)), moved(Detection(HOPPER.box, 0.9, points), 1, 512, 600))
    assert quality.reason is None


@given(st.floats(-50, 600), st.floats(-50, 600), st.floats(1, 400), st.floats(1, 400), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_box_is_judged(x: float, y: float, width: float, height: float, nan: bool) -> None:
    """Outside, thin or with broken landmarks: a score from 0 to 1, no error."""
    points = np.full((5, 2), np.nan if nan else x, np.float32)
    quality = QualityGate().judge(collins(), Detection(Box(x, y, x + width, y + height), 0.9, points))
    assert 0 <= quality.score <= 1

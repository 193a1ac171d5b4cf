"""Looking near known faces: what the detector is shown, and where what it finds lies in the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimik.detect.nearby import Nearby, crops
from mimik.types import Box, Detection, Image

WIDTH, HEIGHT = 640, 352


class Scene:
    """A detector that sees what a test has painted: each face is a rectangle of a gray of its own.

    Of a picture in colours, as any detector wants it.

    Attributes:
        shown: the sizes of the pictures it was shown, width first.
    """

    def __init__(self) -> None:
        self.shown: list[tuple[int, int]] = []

    def pixels(self, width: int, height: int) -> int:
        return width * height

    def detect(self, image: Image) -> tuple[Detection, ...]:
        height, width, channels = image.shape
        assert channels == 3
        self.shown.append((width, height))
        found = []
        for gray in sorted(set(np.unique(image[..., 0])) - {0}):
            if gray % 50:
                continue  # mixed by shrinking
            y, x = np.nonzero(image[..., 0] == gray)
            box = Box(float(x.min()), float(y.min()), float(x.max()) + 1, float(y.max()) + 1)
            marks = np.array([box.centre] * 5, np.float32)
            found.append(Detection(box, gray / 250, marks))
        return tuple(reversed(found))


def painted(*boxes: tuple[int, int, int, int]) -> Image:
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for number, (x1, y1, x2, y2) in enumerate(boxes, 1):
        picture[y1:y2, x1:x2] = 50 * number
    return picture


@pytest.fixture
def scene() -> Scene:
    return Scene()


def again(scene: Scene, picture: Image, near: Sequence[Box]) -> tuple[Detection, ...]:
    """What is found near places, all of which are found again."""
    found = Nearby(scene).detect_near(picture, near)
    assert found is not None
    return found


def test_a_face_that_has_moved_is_found_by_looking_at_a_small_crop(scene: Scene) -> None:
    (found,) = again(scene, painted((210, 120, 260, 170)), [Box(200, 110, 250, 160)])
    assert found.box == Box(210, 120, 260, 170)
    assert found.landmarks is not None
    assert found.landmarks.dtype == np.float32
    assert (found.landmarks == (235, 145)).all()
    assert scene.shown == [(128, 128)]


def test_a_large_face_is_shrunk_and_found_in_its_place(scene: Scene) -> None:
    (found,) = again(scene, painted((160, 80, 320, 240)), [Box(160, 80, 320, 240)])
    assert found.box == pytest.approx((160, 80, 320, 240), abs=4)
    assert scene.shown == [(160, 160)]
    assert found.landmarks is not None
    assert found.landmarks[0] == pytest.approx((240, 160), abs=2)


def test_luma_alone_tells_the_same_as_the_picture_in_colours(scene: Scene) -> None:
    """A decoder gives it for nothing; the network is shown crops of it as gray pictures."""
    picture = painted((210, 120, 260, 170), (400, 60, 560, 220))
    near = [Box(200, 110, 250, 160), Box(404, 64, 564, 224)]
    luma = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
    assert luma.ndim == 2
    from_luma, from_colours = again(scene, luma, near), again(scene, picture, near)
    assert [face.box for face in from_luma] == [face.box for face in from_colours]
    assert scene.shown[:2] == scene.shown[2:]


def test_a_known_face_that_is_not_there_is_told_after_a_look_at_a_crop(scene: Scene) -> None:
    assert Nearby(scene).detect_near(painted((500, 200, 540, 240)), [Box(100, 100, 140, 140)]) is None
    assert scene.shown == [(128, 128)], "whether to search the whole picture is for others to say"


def test_one_of_two_that_is_not_there_leaves_nothing_to_rely_on(scene: Scene) -> None:
    near = [Box(100, 100, 140, 140), Box(400, 100, 440, 140)]
    assert Nearby(scene).detect_near(painted((100, 100, 140, 140)), near) is None


def test_one_face_does_not_stand_for_two(scene: Scene) -> None:
    """Where two were side by side and one is left, the other may have gone elsewhere."""
    picture = painted((100, 100, 140, 140), (400, 100, 440, 140))
    assert Nearby(scene).detect_near(picture, [Box(100, 100, 140, 140), Box(130, 100, 170, 140)]) is None


def test_what_a_crop_cuts_off_is_left_out(scene: Scene) -> None:
    """A newcomer half within a crop waits for the next search rather than being read in part."""
    picture = painted((100, 100, 140, 140), (155, 100, 195, 140))
    (found,) = again(scene, picture, [Box(100, 100, 140, 140)])
    assert found.box == Box(100, 100, 140, 140)


def test_a_face_at_the_edge_of_the_picture_is_not_cut_off(scene: Scene) -> None:
    (found,) = again(scene, painted((0, 0, 30, 40)), [Box(0, 0, 40, 40)])
    assert found.box == Box(0, 0, 30, 40)
    assert len(scene.shown) == 1


def test_a_face_in_two_crops_comes_once(scene: Scene) -> None:
    """A large face and a small one beside it: one crop for both would be dearer than two."""
    picture = painted((120, 60, 280, 220), (282, 60, 302, 80))
    found = again(scene, picture, [Box(120, 60, 280, 220), Box(282, 60, 302, 80)])
    assert len(scene.shown) == 2
    assert len(found) == 2


def test_crops_that_save_little_are_not_looked_at(scene: Scene) -> None:
    near = [Box(x, y, x + 60, y + 60) for x in range(20, 600, 140) for y in (40, 200)]
    assert Nearby(scene).detect_near(painted((20, 40, 80, 100)), near) is None
    assert scene.shown == []


@pytest.mark.parametrize("away", [Box(700, 10, 740, 50), Box(10, 400, 50, 440), Box(-60, 10, -20, 50)])
def test_places_outside_the_picture_are_not_looked_at(scene: Scene, away: Box) -> None:
    """The camera's pictures have become smaller."""
    near = [Box(10, 10, 40, 40), away]
    assert Nearby(scene).detect_near(painted((10, 10, 40, 40)), near) is None
    assert scene.shown == []


@st.composite
def _pictures(draw: st.DrawFn) -> tuple[int, int, list[Box]]:
    width, height = draw(st.integers(16, 2000)), draw(st.integers(16, 2000))
    near = []
    for _ in range(draw(st.integers(1, 6))):
        x1, y1 = draw(st.floats(0, width - 2)), draw(st.floats(0, height - 2))
        x2, y2 = draw(st.floats(x1 + 1, width)), draw(st.floats(y1 + 1, height))
        near.append(Box(x1, y1, x2, y2))
    return width, height, near


@given(_pictures())
def test_crops_lie_in_the_picture_hold_every_face_and_map_back(given_: tuple[int, int, list[Box]]) -> None:
    width, height, near = given_
    parts = crops(near, width, height)
    assert len(parts) <= len(near)
    for part in parts:
        assert 0 <= part.x1 < part.x2 <= width
        assert 0 <= part.y1 < part.y2 <= height
        for shown, length, whole in (
            (part.columns, part.x2 - part.x1, width),
            (part.rows, part.y2 - part.y1, height),
        ):
            assert 0 < shown <= length, "never enlarged"
            assert shown % 32 == 0 or length == shown, "of few sizes, but where the picture itself is that small"
            assert whole >= length
    for box in near:
        around = [p for p in parts if p.x1 <= box.x1 and p.y1 <= box.y1 and p.x2 >= box.x2 and p.y2 >= box.y2]
        assert around
        for part in around:
            across, down = part.columns / (part.x2 - part.x1), part.rows / (part.y2 - part.y1)
            seen = Box(
                (box.x1 - part.x1) * across,
                (box.y1 - part.y1) * down,
                (box.x2 - part.x1) * across,
                (box.y2 - part.y1) * down,
            )
            assert part.back(Detection(seen, 0.5)).box == pytest.approx(box, abs=1)
        # Some crop shows it as large as it should be: 64 pixels, or as it is.
        side = max(box.width, box.height)
        assert any(
            math.ceil(side * max(p.columns / (p.x2 - p.x1), p.rows / (p.y2 - p.y1))) >= min(side, 63) for p in around
        )

"""CenterFace on real faces."""

import json
import os
import runpy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from mimik.detect import DETECTORS, CenterFace, make_detector
from mimik.types import Detection, Image
from tests.faces import collins, hopper, overlap

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def detector() -> CenterFace:
    return CenterFace(threads=1)


@pytest.mark.parametrize(
    ("picture", "face", "eyes_and_mouth"),
    [
        (hopper, (176, 105, 360, 335), [(221, 200), (303, 192), (237, 279), (305, 272)]),
        (collins, (178, 55, 272, 180), [(203, 102), (247, 104), (203, 142), (241, 144)]),
    ],
)
@pytest.mark.parametrize("side", [None, 320])
def test_the_bundled_faces(
    picture: Callable[[], Image],
    face: tuple[int, ...],
    eyes_and_mouth: list[tuple[int, int]],
    side: int | None,
) -> None:
    """One face each, where it is, with its landmarks in order."""
    found = make_detector("centerface", side=side, threads=1).detect(picture())
    assert len(found) == 1
    assert found[0].box == pytest.approx(face, abs=0.15 * (face[3] - face[1]))
    assert found[0].landmarks is not None
    assert found[0].landmarks.dtype == np.float32
    error = np.linalg.norm(found[0].landmarks[[0, 1, 3, 4]] - np.array(eyes_and_mouth), axis=1)
    assert error.max() < 0.08 * (face[3] - face[1])
    _sensible(found[0])


@pytest.mark.parametrize("picture", [hopper, collins])
@pytest.mark.parametrize("side", [None, 480, 320])
def test_eight_bits_find_the_bundled_faces_where_the_original_does(
    picture: Callable[[], Image], side: int | None
) -> None:
    eight, plain = (make_detector(name, side=side, threads=1).detect(picture()) for name in DETECTORS)
    assert len(eight) == len(plain) == 1
    assert overlap(eight[0].box, plain[0].box) > 0.85
    assert eight[0].score == pytest.approx(plain[0].score, abs=0.1)
    assert eight[0].landmarks is not None
    assert plain[0].landmarks is not None
    off = np.linalg.norm(eight[0].landmarks - plain[0].landmarks, axis=1)
    assert off.max() < 0.06 * plain[0].box.height


def _sensible(face: Detection) -> None:
    """Left of right, eyes over nose over mouth, all within the box."""
    assert face.landmarks is not None
    (left, right, nose, left_mouth, right_mouth), box = face.landmarks, face.box
    assert left[0] < nose[0] < right[0]
    assert left_mouth[0] < right_mouth[0]
    assert max(left[1], right[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    assert (face.landmarks > (box.x1, box.y1)).all()
    assert (face.landmarks < (box.x2, box.y2)).all()


@pytest.mark.parametrize("height", [40, 120, 400, 900, 1600])
def test_faces_of_every_size(detector: CenterFace, height: int) -> None:
    """Larger ones than the network knows too: they are looked for in the picture shrunk."""
    portrait, (x, y) = collins()[20:240, 110:350], (116, 98)
    scale = height / 115
    found = detector.detect(np.asarray(cv2.resize(portrait, None, fx=scale, fy=scale), dtype=np.uint8))
    assert len(found) == 1
    assert found[0].box.height == pytest.approx(height, rel=0.2)
    assert found[0].box.centre == pytest.approx((x * scale, y * scale), abs=0.12 * height)
    _sensible(found[0])


def test_a_large_and_a_small_face_together(detector: CenterFace) -> None:
    """Neither look loses what only the other can see."""
    picture = np.full((1600, 2000, 3), 120, np.uint8)
    picture[:1540, :1680] = cv2.resize(collins()[20:240, 110:350], (1680, 1540))
    picture[1000:1110, 1800:1920] = cv2.resize(collins()[20:240, 110:350], (120, 110))
    heights = sorted(face.box.height for face in detector.detect(picture))
    assert heights == pytest.approx([58, 830], rel=0.2)


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (31, 33), (64, 2000)])
def test_pictures_without_a_face(detector: CenterFace, shape: tuple[int, int]) -> None:
    """Of odd shapes; an empty tuple, no error."""
    assert detector.detect(np.full((*shape, 3), 90, np.uint8)) == ()


def test_several_threads_may_share_a_detector(detector: CenterFace) -> None:
    """Each gets the faces of its own picture."""
    pictures = [hopper(), collins()] * 4
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(detector.detect, pictures))
    for faces, picture in zip(found, pictures, strict=True):
        assert [face.box for face in faces] == [face.box for face in detector.detect(picture)]


class Counted(NamedTuple):
    """How many of the faces that were marked a detector finds, by height, and how much of what it finds is one."""

    large: float
    middle: float
    precision: float


@pytest.fixture(scope="module")
def wider() -> dict[str, Counted]:
    """Both forms on 200 pictures of WIDER FACE, by the data set's own counting."""
    if not os.environ.get("MIMIK_WIDER200"):
        pytest.skip("MIMIK_WIDER200 is not set")
    folder = Path(os.environ["MIMIK_WIDER200"])
    score = runpy.run_path(str(folder / "score.py"))["score"]
    truth = json.loads((folder / "boxes.json").read_text())
    counted = {}
    for name in DETECTORS:
        detector = make_detector(name)
        found = {}
        for picture in truth:
            image = np.asarray(cv2.imread(str(folder / picture)), dtype=np.uint8)
            found[picture] = [(list(face.box), face.score) for face in detector.detect(image)]
        (large, middle, _), _, precision = score(found, truth)
        counted[name] = Counted(large, middle, precision)
    return counted


def test_recall_and_precision_on_wider_face(wider: dict[str, Counted]) -> None:
    """The floors that the default detector must keep."""
    default = wider["centerface"]
    assert default.large >= 0.88
    assert default.middle >= 0.86
    assert default.precision >= 0.94


def test_eight_bits_lose_little_on_wider_face(wider: dict[str, Counted]) -> None:
    eight, plain = wider["centerface"], wider["centerface-fp16"]
    assert eight.large >= plain.large - 0.02
    assert eight.middle >= plain.middle - 0.02
    assert eight.precision >= plain.precision - 0.01
    assert plain.large >= 0.90
    assert plain.middle >= 0.85
    assert plain.precision >= 0.93

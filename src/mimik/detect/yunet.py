"""YuNet (Wu, Peng and Yu 2023, "YuNet: a tiny millisecond-level face detector"), from a file that the user has.

Any export with the output names that OpenCV's ``FaceDetectorYN`` expects, of a fixed or a free input size.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as runtime_errors

from mimik.detect.network import detections, fitted, open_session, suppress
from mimik.errors import DetectorError
from mimik.types import Detection, Image

__all__ = ["YuNet"]

_STRIDES = (8, 16, 32)
_OUTPUTS = [f"{part}_{stride}" for part in ("cls", "obj", "bbox", "kps") for stride in _STRIDES]
_OVERLAP = 0.3
_THRESHOLD = 0.7


class YuNet:
    """Finds faces and five landmarks with a YuNet file.

    Args:
        model: the ONNX file's bytes.
        name: what to call the file in errors.
        threshold: least score of a face, 0–1; None: 0.7.
        side: shrink pictures to this long side, in pixels; None: only those above 2,048, or to what the file is for.
        threads: threads the network may use; 0: one a processor core.

    Raises:
        DetectorError: the file is no ONNX file or none of YuNet.
    """

    def __init__(
        self, model: bytes, name: str, *, threshold: float | None = None, side: int | None = None, threads: int = 0
    ) -> None:
        self._name = name
        self._threshold = _THRESHOLD if threshold is None else threshold
        self._side = side
        self._session = open_session(model, name, threads)
        outputs = [output.name for output in self._session.get_outputs()]
        inputs = self._session.get_inputs()
        if not set(_OUTPUTS) <= set(outputs) or len(inputs) != 1 or len(inputs[0].shape) != 4:
            raise DetectorError(
                "{name}: not a network that Mimik can decode. Give an ONNX file of YuNet (with outputs {wanted}, …), "
                "or a detector's name.",
                name=name,
                wanted=", ".join(_OUTPUTS[:3]),
            )
        self._input = inputs[0].name
        rows, columns = inputs[0].shape[2:]
        self._fixed = (columns, rows) if isinstance(rows, int) and isinstance(columns, int) else None

    def detect(self, image: Image) -> tuple[Detection, ...]:
        """The faces of a picture, boxes within its borders, best first.

        Raises:
            DetectorError: the network cannot be run on it.
        """
        height, width = image.shape[:2]
        columns, rows = fitted(width, height, self._side)
        if self._fixed:
            shrink = min(1.0, self._fixed[0] / columns, self._fixed[1] / rows)
            columns, rows = max(1, int(columns * shrink)), max(1, int(rows * shrink))
        canvas_columns, canvas_rows = self._canvas(columns, rows)
        resized = (
            image
            if (columns, rows) == (width, height)
            else cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
        )
        canvas = cv2.copyMakeBorder(
            resized, 0, canvas_rows - rows, 0, canvas_columns - columns, cv2.BORDER_CONSTANT, value=(0, 0, 0)
        )
        try:
            outputs = self._session.run(_OUTPUTS, {self._input: cv2.dnn.blobFromImage(canvas)})
        except (runtime_errors.Fail, runtime_errors.InvalidArgument, runtime_errors.RuntimeException) as error:
            raise DetectorError(
                "{name}: the detector failed ({detail}). Give another file or a detector's name.",
                name=self._name,
                detail=str(error).strip().splitlines()[0],
            ) from error
        boxes, scores, landmarks = self._decode(dict(zip(_OUTPUTS, outputs, strict=True)), canvas_columns)
        kept = suppress(boxes, scores, _OVERLAP)
        scale = np.array([width / columns, height / rows], dtype=np.float32)
        return detections(boxes[kept] * np.tile(scale, 2), scores[kept], landmarks[kept] * scale, width, height)

    def pixels(self, width: int, height: int) -> int:
        """How many pixels the network goes over for a picture of this size."""
        columns, rows = self._canvas(*fitted(width, height, self._side))
        return columns * rows

    def _canvas(self, columns: int, rows: int) -> tuple[int, int]:
        return self._fixed or (-(-columns // 32) * 32, -(-rows // 32) * 32)

    def _decode(
        self, outputs: dict[str, NDArray[np.float32]], columns: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Boxes, scores and landmarks in the canvas's pixels, after OpenCV's ``face_detect.cpp``."""
        found = []
        for stride in _STRIDES:
            cls, objectness = (outputs[f"{part}_{stride}"].ravel().clip(0, 1) for part in ("cls", "obj"))
            scores = np.sqrt(cls * objectness)
            at = np.flatnonzero(scores >= self._threshold)
            cells = np.stack([at % (columns // stride), at // (columns // stride)], axis=1).astype(np.float32)
            box = outputs[f"bbox_{stride}"].reshape(-1, 4)[at]
            centre, extent = (cells + box[:, :2]) * stride, np.exp(box[:, 2:]) * stride
            points = (outputs[f"kps_{stride}"].reshape(-1, 5, 2)[at] + cells[:, None]) * stride
            found.append((np.concatenate([centre - extent / 2, centre + extent / 2], axis=1), scores[at], points))
        boxes, scores, landmarks = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return boxes, scores, landmarks

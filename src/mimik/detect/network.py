"""What the detectors have in common: a session of ONNX Runtime, picture sizes, overlapping boxes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as runtime_errors

from mimik.errors import DetectorError
from mimik.types import Box, Detection

__all__ = ["detections", "fitted", "open_session", "suppress"]

LONGEST_SIDE = 2048
"""Where no side is asked for, larger pictures are shrunk to this, where the networks' activations take 0.6 GB."""

_NOT_A_NETWORK = (
    runtime_errors.Fail,
    runtime_errors.InvalidArgument,
    runtime_errors.InvalidGraph,
    runtime_errors.InvalidProtobuf,
    runtime_errors.NoSuchFile,
    runtime_errors.NotImplemented,
)


def open_session(model: bytes, name: str, threads: int) -> Any:
    """A session on the processor; its ``run`` may be called from several threads.

    Args:
        model: an ONNX file's bytes.
        name: what to call it in an error.
        threads: threads it may use; 0: one a processor core.

    Raises:
        DetectorError: ONNX Runtime cannot load the model.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    # Pictures come in many sizes: plans for each cost 100 MB and save no time.
    options.enable_mem_pattern = False
    # Spinning threads gained nothing on idle cores and lost up to half the speed on busy ones, which a camera, an
    # encoder and a browser beside the network make.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except _NOT_A_NETWORK as error:
        raise DetectorError(
            "{name}: ONNX Runtime cannot load this file ({detail}). Give an ONNX file of YuNet.",
            name=name,
            detail=str(error).strip().splitlines()[0],
        ) from error


def fitted(width: int, height: int, side: int | None) -> tuple[int, int]:
    """The size, in pixels, to shrink a picture to; never larger than the picture."""
    scale = min(1.0, (side or LONGEST_SIDE) / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def suppress(boxes: NDArray[np.float32], scores: NDArray[np.float32], overlap: float) -> NDArray[np.intp]:
    """Non-maximum suppression.

    Args:
        boxes: ``(N, 4)``: x1, y1, x2, y2.
        scores: ``(N,)``.
        overlap: of two boxes whose intersection over union is at least this, the better one stays.

    Returns:
        Indices of what stays, best first.
    """
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    left = np.argsort(-scores, kind="stable")
    kept = []
    while left.size:
        best, left = left[0], left[1:]
        kept.append(best)
        sides = np.minimum(boxes[best, 2:], boxes[left, 2:]) - np.maximum(boxes[best, :2], boxes[left, :2])
        shared = sides.clip(min=0).prod(axis=1)
        left = left[shared < overlap * (areas[best] + areas[left] - shared)]
    return np.array(kept, dtype=np.intp)


def detections(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], landmarks: NDArray[np.float32], width: int, height: int
) -> tuple[Detection, ...]:
    """Detections in the given order, cut to the picture; boxes of which less than a pixel is left are dropped.

    Args:
        boxes: ``(N, 4)``, pixels of the picture.
        scores: ``(N,)``.
        landmarks: ``(N, 5, 2)``, pixels of the picture.
        width: the picture's width.
        height: the picture's height.
    """
    found = []
    for box, score, points in zip(boxes.tolist(), scores.tolist(), landmarks, strict=True):
        x1, y1 = max(0.0, box[0]), max(0.0, box[1])
        x2, y2 = min(float(width), box[2]), min(float(height), box[3])
        if math.isfinite(sum(box)) and x2 - x1 >= 1 and y2 - y1 >= 1:
            found.append(Detection(Box(x1, y1, x2, y2), min(1.0, score), np.asarray(points, dtype=np.float32)))
    return tuple(found)

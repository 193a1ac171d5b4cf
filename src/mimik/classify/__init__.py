"""Crops → expressions, through ONNX Runtime."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from mimik.errors import WeightsError
from mimik.types import EmotionScores
from mimik.weights import FERPLUS, Record, verified

__all__ = ["FERPLUS_SEVEN", "OnnxClassifier", "softmax"]

FERPLUS_SEVEN = [
    FERPLUS.index(name) for name in ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
]
"""Where the seven stand in the FER+ head, in the order of `mimik.Emotion`; contempt is left out."""


class OnnxClassifier:
    """A network in ONNX form with its record. Safe to call from several threads.

    Args:
        record: the network's record; preprocessing and calibration are read from it.
        file: its ONNX file, with an input ``faces`` of ``(N, 1, side, side)`` float32 and an output ``fer`` of
            ``(N, 7)`` logits; and an output ``ferplus`` of ``(N, 8)`` where the record shows that head.
        threads: processor threads to use; 0: one a core.

    Raises:
        WeightsError: the file is no such network.
    """

    def __init__(self, record: Record, file: Path, threads: int = 0) -> None:
        self.record = record
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Waiting threads give their core back: capture, detection and the page need it more.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
            # The first call plans memory; do it before somebody waits.
            self._run(
                ["fer"] if record.shown is None else [record.shown.head], [np.zeros((record.side,) * 2, np.uint8)]
            )
        except Exception as error:  # ONNX Runtime's errors share no public base class
            raise WeightsError(
                "{path}: not a network that Mimik can run ({detail}).", path=file, detail=error
            ) from error

    @classmethod
    def load(cls, name_or_path: str = "default", threads: int = 0) -> "OnnxClassifier":
        """Load a shipped network by name, or the user's own by the path of its record.

        Raises:
            WeightsError: there is none, or its file is missing, changed or no such network.
        """
        record, file = verified(name_or_path)
        return cls(record, file, threads)

    def logits(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """``(N, 7)`` raw outputs for N gray ``(side, side)`` crops, computed as one batch."""
        return self._run(["fer"], crops)["fer"]

    def heads(self, crops: Sequence[NDArray[np.uint8]]) -> dict[str, NDArray[np.float32]]:
        """Raw outputs of every head by its name: ``fer``, and ``ferplus`` of ``(N, 8)`` where the network has it."""
        return self._run([output.name for output in self._session.get_outputs()], crops)

    def _run(self, names: list[str], crops: Sequence[NDArray[np.uint8]]) -> dict[str, NDArray[np.float32]]:
        batch = np.stack(crops)[:, None].astype(np.float32)
        batch *= 1 / (255 * self.record.std)
        batch -= self.record.mean / self.record.std
        return dict(zip(names, self._session.run(names, {"faces": batch}), strict=True))

    def classify(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[EmotionScores, ...]:
        """Calibrated readings of N gray ``(side, side)`` crops, in order, by the head that the record shows."""
        if not crops:
            return ()
        shown = self.record.shown
        if shown is None:
            return tuple(EmotionScores(row) for row in softmax(self.logits(crops) / self.record.temperature))
        logits = self._run([shown.head], crops)[shown.head][:, FERPLUS_SEVEN]
        return tuple(EmotionScores(row) for row in softmax(logits / shown.temperature))


def softmax(logits: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Probabilities along the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    shares: NDArray[np.float32] = (powers / powers.sum(-1, keepdims=True)).astype(np.float32)
    return shares

"""Results to write."""

from __future__ import annotations

import numpy as np

from mimik.types import (
    Box,
    Detection,
    Emotion,
    EmotionScores,
    Face,
    Frame,
    FrameResult,
    Quality,
    Reason,
    State,
)

BOX = Box(20.126, 30.0, 80.0, 110.5)


def face(
    state: State = State.SURE,
    label: Emotion | None = Emotion.HAPPY,
    reason: Reason | None = None,
    track_id: int | None = 1,
    box: Box = BOX,
) -> Face:
    """A face whose numbers need rounding."""
    probabilities = None
    if state is not State.WITHHELD:
        probabilities = np.array([0.1, 0.05, 1e-9, 0.6123456789, 0.1, 0.1, 0.0376543211], np.float32)
    return Face(
        Detection(box, 0.87654321), Quality(0.5, reason), EmotionScores(probabilities), state, reason, label, track_id
    )


def withheld(reason: Reason = Reason.TURNED_AWAY) -> Face:
    """A face that cannot be read."""
    return face(State.WITHHELD, None, reason)


def result(*faces: Face, index: int = 0, time_s: float = 0.0, width: int = 160, height: int = 120) -> FrameResult:
    """A gray frame with faces."""
    image = np.full((height, width, 3), 127, np.uint8)
    return FrameResult(Frame(image, index, time_s, source="klasör/şaşkın.mp4"), faces, 1.0)

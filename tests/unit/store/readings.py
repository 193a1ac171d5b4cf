"""Frames' results for tests of the store, without pictures worth the name."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

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

__all__ = ["face", "faces_of_frames", "result"]

_BLANK = np.zeros((2, 2, 3), np.uint8)


def face(
    track_id: int | None = 1,
    top: Emotion = Emotion.HAPPY,
    state: State = State.SURE,
    reason: Reason | None = None,
    confidence: float = 0.88,
    quality: float = 0.9,
) -> Face:
    """A face whose likeliest expression is `top`; withheld ones have no probabilities."""
    probabilities = np.full(7, (1 - confidence) / 6, np.float32)
    probabilities[tuple(Emotion).index(top)] = confidence
    withheld = state is State.WITHHELD
    return Face(
        Detection(Box(10, 20, 50, 70), 0.9),
        Quality(quality, reason),
        EmotionScores(None if withheld else probabilities),
        state,
        reason,
        None if withheld else top,
        track_id,
    )


def result(time_s: float, faces: Sequence[Face] = (), index: int = 0, captured_s: float = 0.0) -> FrameResult:
    """A frame's reading."""
    return FrameResult(Frame(_BLANK, index, time_s, captured_s, "test"), tuple(faces), 5.0)


_withheld = st.builds(
    face,
    track_id=st.none(),
    state=st.just(State.WITHHELD),
    reason=st.sampled_from(Reason),
    quality=st.floats(0, 1),
)
_read = st.builds(
    face,
    track_id=st.none(),
    top=st.sampled_from(Emotion),
    state=st.sampled_from([State.SURE, State.UNCERTAIN]),
    confidence=st.floats(0.2, 1.0),
    quality=st.floats(0, 1),
)


@st.composite
def faces_of_frames(draw: st.DrawFn) -> list[tuple[float, tuple[Face, ...]]]:
    """Some frames' times, in order, and their faces; each person once a frame, some faces of nobody known."""
    from dataclasses import replace

    times = sorted(draw(st.lists(st.floats(0, 200, allow_nan=False), min_size=1, max_size=12)))
    frames = []
    for time_s in times:
        people = draw(st.lists(st.one_of(st.none(), st.integers(1, 4)), max_size=4))
        known = [person for number, person in enumerate(people) if person is None or person not in people[:number]]
        frames.append((time_s, tuple(replace(draw(st.one_of(_withheld, _read)), track_id=one) for one in known)))
    return frames

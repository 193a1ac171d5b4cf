"""Sessions and videos for tests of the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mimik.store import SessionWriter, Store
from mimik.store.values import Draft, Session
from mimik.types import Emotion, Face, Frame, FrameResult, Quality, State
from tests.fakes import detection, scores
from tests.media import write_video

__all__ = ["film", "keep"]

_BLANK = np.zeros((90, 160, 3), np.uint8)
_FPS = 4


def keep(store: Store, draft: Draft, mood: Emotion, people: int = 3, seconds: int = 90, rest_s: float = 0) -> Session:
    """A finished session in which people look neutral for a third of the time and in the given mood for the rest."""
    with SessionWriter(store, draft, wall_clock=False) as writer:
        if rest_s:
            writer.rest(rest_s)
        for index in range(seconds * _FPS):
            calm = index % (3 * _FPS) < _FPS
            top = Emotion.NEUTRAL if calm else mood
            faces = tuple(
                Face(
                    detection(40 * person),
                    Quality(0.9),
                    scores(top, 0.7 + 0.02 * person + 0.1 * ((index * 7 + person) % 10) / 10),
                    State.SURE,
                    None,
                    top,
                    person,
                )
                for person in range(1, people + 1)
            )
            writer.write(FrameResult(Frame(_BLANK, index, index / _FPS, 0.0, "test"), faces, 5.0))
    return store.session(writer.session.id)


def film(path: Path, seconds: int = 4, fps: int = 10) -> Path:
    """A small video that a browser plays."""
    pictures = [np.full((90, 160, 3), 40 + number % 200, np.uint8) for number in range(seconds * fps)]
    return write_video(path, pictures, fps=fps)

"""Tracking and smoothing as the line uses them."""

import json

import numpy as np
import pytest

from mimik.pipeline import Stream
from mimik.track import EmotionSmoother, PersonTracker
from mimik.types import Box, Emotion, Face, SourceKind, State, Thresholds
from tests.fakes import fake_pipeline
from tests.unit.track.rooms import face, frame, walk, waver

pytestmark = pytest.mark.integration

Told = list[tuple[int | None, Emotion | None, State, list[float] | None]]


def stream() -> Stream:
    thresholds = Thresholds(sure=0.66, uncertain=0.37)
    smoother = EmotionSmoother(SourceKind.VIDEO, smoothing_s=0.4, switch_margin=0.08, thresholds=thresholds)
    return Stream(fake_pipeline(), PersonTracker(), smoother)


def recording() -> list[tuple[float, list[Box], list[list[float]]]]:
    """Twelve seconds of three people, whose expressions change every three."""
    rng = np.random.default_rng(5)
    expressions = [[(who + index // 45) % 7 for index in range(180)] for who in range(3)]
    readings = [waver(rng, shown, 15, lead=3, noise=1) for shown in expressions]
    room = walk(5, people=3, seconds=12, fps=15, speed=0.5, missed=0.05, hidden=0.1)
    return [
        (time_s, boxes, [[float(value) for value in readings[who][index]] for who in seen])
        for index, (time_s, seen, boxes) in enumerate(room)
    ]


def follow(line: Stream, frames: list[tuple[float, list[Box], list[list[float]]]], start: int = 0) -> list[Told]:
    told = []
    for index, (time_s, boxes, readings) in enumerate(frames, start):
        faces: tuple[Face, ...] = tuple(
            face(Box(*box), np.array(reading, np.float32)) for box, reading in zip(boxes, readings, strict=True)
        )
        told.append(
            [
                (
                    found.track_id,
                    found.label,
                    found.state,
                    None if found.emotions.probabilities is None else found.emotions.probabilities.tolist(),
                )
                for found in line.follow(frame(time_s, index), faces).faces
            ]
        )
    return told


def test_a_run_resumed_from_what_was_kept_equals_an_uninterrupted_one() -> None:
    frames = recording()
    whole = follow(stream(), frames)
    resumed = stream()
    kept = follow(resumed, json.loads(json.dumps(frames[:71])))
    assert kept + follow(resumed, frames[71:], 71) == whole
    assert {track_id for told in whole for track_id, *_ in told} == {1, 2, 3}
    assert {state for told in whole for _, _, state, _ in told} == {State.SURE, State.UNCERTAIN, State.WITHHELD}

"""From frames to the columns that are kept: samples at capture rate, and their sums a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimik.store.values import EMOTIONS, FINE_S, REASONS, ROOM, STATES, Aggregates, Samples
from mimik.types import Face, Reason, State

__all__ = ["Reading", "add_up", "gather", "join_samples", "merge"]

_STATE = {state: number for number, state in enumerate(STATES)}
_REASON = {reason: number for number, reason in enumerate(REASONS)}
_EMOTION = {emotion: number for number, emotion in enumerate(EMOTIONS)}
_WITHHELD = _STATE[State.WITHHELD]
_UNKNOWN = np.full(7, np.nan, np.float32)
_SUMS = tuple(name for name in Aggregates.__slots__ if name not in ("step_s", "person", "start_s"))


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a frame said, without its picture.

    Attributes:
        time_s: seconds since the session's start.
        faces: as read.
        offset: added to the faces' track ids, so that the people of two streams keep apart.
    """

    time_s: float
    faces: tuple[Face, ...]
    offset: int = 0


def gather(readings: Sequence[Reading]) -> tuple[Samples, Aggregates]:
    """The samples of frames, in their order, and their fine sums.

    Faces without a track id count for the room alone: nobody knows whose they are.
    """
    times: list[float] = []
    people: list[int] = []
    faces: list[Face] = []
    for reading in readings:
        for face in reading.faces:
            times.append(reading.time_s)
            people.append(ROOM if face.track_id is None else face.track_id + reading.offset)
            faces.append(face)
    count = len(faces)
    kept = [face.state is not State.WITHHELD and face.emotions.probabilities is not None for face in faces]
    # A withheld reading keeps nothing, even if a stage left numbers in it.
    both = list(zip(faces, kept, strict=True))
    samples = Samples(
        time_s=np.array(times, np.float64),
        person=np.array(people, np.int64),
        box=np.array([face.detection.box for face in faces], np.float32).reshape(count, 4),
        state=np.array([_STATE[face.state] if shown else _WITHHELD for face, shown in both], np.int8),
        reason=np.array([_reason(face, shown) for face, shown in both], np.int8),
        label=np.array([_EMOTION[face.label] if shown and face.label else -1 for face, shown in both], np.int8),
        probabilities=np.array(
            [face.emotions.probabilities if shown else _UNKNOWN for face, shown in both], np.float32
        ).reshape(count, 7),
        quality=np.array([face.quality.score for face in faces], np.float32),
        valence=np.array([face.emotions.valence if shown else np.nan for face, shown in both], np.float32),
        arousal=np.array([face.emotions.arousal if shown else np.nan for face, shown in both], np.float32),
    )
    sums = add_up(samples, np.array([reading.time_s for reading in readings], np.float64))
    return _pick(samples, samples.person != ROOM), sums


def add_up(samples: Samples, frames_s: NDArray[np.float64]) -> Aggregates:
    """Fine sums of samples, a row a person and second, and a row of the `ROOM` for each second with a frame.

    Args:
        samples: of any order; those of the `ROOM` belong to nobody.
        frames_s: ``(F,)`` the times of all frames read, also of those without a face.
    """
    face_step = np.floor(samples.time_s / FINE_S).astype(np.int64)
    frame_step = np.floor(frames_s / FINE_S).astype(np.int64)
    known = samples.person != ROOM
    # Everybody counts in the room; who is known counts once more in a row of their own.
    index = np.concatenate([np.arange(len(samples)), np.flatnonzero(known)])
    keys = np.concatenate(
        [
            np.stack([frame_step, np.full(len(frame_step), ROOM)], axis=1),
            np.stack([face_step, np.full(len(face_step), ROOM)], axis=1),
            np.stack([face_step[known], samples.person[known]], axis=1),
        ]
    ).astype(np.int64)
    unique, place = np.unique(keys, axis=0, return_inverse=True)
    place = place.reshape(-1)
    of_frame, of_face = place[: len(frame_step)], place[len(frame_step) :]
    of_person = of_face[len(samples) :]
    count = len(unique)

    def summed(values: NDArray[Any]) -> NDArray[Any]:
        total: NDArray[Any] = np.zeros((count, *values.shape[1:]), np.float64 if values.dtype.kind == "f" else np.int64)
        np.add.at(total, of_face, values[index])
        return total

    state, reading = samples.state, samples.state != _WITHHELD
    numbers = np.arange(7)
    return Aggregates(
        step_s=FINE_S,
        person=unique[:, 1],
        start_s=(unique[:, 0] * FINE_S).astype(np.float64),
        frames=np.bincount(of_frame, minlength=count) + np.bincount(of_person, minlength=count),
        faces=np.bincount(of_face, minlength=count),
        sure=summed(state == _STATE[State.SURE]),
        uncertain=summed(state == _STATE[State.UNCERTAIN]),
        withheld=summed((samples.reason[:, None] == numbers) & ~reading[:, None]),
        probabilities=summed(np.where(reading[:, None], samples.probabilities, 0).astype(np.float64)),
        labels=summed((samples.label[:, None] == numbers) & reading[:, None]),
        quality=summed(samples.quality.astype(np.float64)),
        valence=summed(np.where(reading, samples.valence, 0).astype(np.float64)),
        arousal=summed(np.where(reading, samples.arousal, 0).astype(np.float64)),
    )


def merge(parts: Sequence[Aggregates]) -> Aggregates:
    """The sums of several, row by row where person and step are the same. All cover the same step.

    Args:
        parts: one at least.
    """
    keys = np.concatenate([np.stack([part.start_s, part.person.astype(np.float64)], axis=1) for part in parts])
    unique, place = np.unique(keys, axis=0, return_inverse=True)
    columns = {}
    for name in _SUMS:
        values = np.concatenate([getattr(part, name) for part in parts])
        columns[name] = np.zeros((len(unique), *values.shape[1:]), values.dtype)
        np.add.at(columns[name], place.reshape(-1), values)
    return Aggregates(step_s=parts[0].step_s, person=unique[:, 1].astype(np.int64), start_s=unique[:, 0], **columns)


def join_samples(parts: Sequence[Samples]) -> Samples:
    """Samples one after another.

    Args:
        parts: one at least.
    """
    return Samples(*(np.concatenate([getattr(part, name) for part in parts]) for name in Samples.__slots__))


def _pick(samples: Samples, chosen: NDArray[np.bool_]) -> Samples:
    return Samples(*(getattr(samples, name)[chosen] for name in Samples.__slots__))


def _reason(face: Face, shown: bool) -> int:
    if face.reason is not None:
        return _REASON[face.reason]
    return -1 if shown else _REASON[Reason.LOW_CONFIDENCE]

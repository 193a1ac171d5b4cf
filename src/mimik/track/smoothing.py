"""Steady readings: probabilities smoothed in time, a label that does not flicker, and how far it may be believed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mimik.track.clock import Clock
from mimik.types import Emotion, EmotionScores, Face, Frame, Reason, SourceKind, State, Thresholds

__all__ = ["EmotionSmoother"]

# A reading older than this says nothing about the next one.
_FORGET_S = 3.0
_EMOTIONS = tuple(Emotion)


@dataclass(slots=True)
class _Person:
    """What is remembered of a person.

    Attributes:
        time_s: when the last reading was taken.
        probabilities: ``(7,)``, smoothed.
        label: the place of the shown expression among them.
        state: as last shown.
    """

    time_s: float
    probabilities: NDArray[np.float64]
    label: int
    state: State


class EmotionSmoother:
    """Smooths readings by `Face.track_id` and decides label, state and reason.

    A reading weighs ``1 - exp(-dt / smoothing_s)`` against what was smoothed before it, where dt is the time since the
    person's last reading, so that frame rate and dropped frames do not change how fast it reacts. A person's first
    reading, or the first after three seconds without one, stands as it is. The label changes to an expression that
    leads the shown one by `switch_margin` and that the newest reading itself puts first; it therefore never changes
    more often than the raw readings do. A state rises only where the probability passes its threshold by
    `switch_margin`, and falls as soon as the threshold is missed: no state claims more than its threshold allows.

    A reading too unsure to show is withheld (`Reason.LOW_CONFIDENCE`) and still smoothed; one that `Face.quality`
    withholds is not. In pictures, and for faces without id, each face is decided alone.

    Args:
        kind: how the frames belong together.
        smoothing_s: time constant, seconds; 0 leaves readings as they are.
        switch_margin: least lead, as a probability, at which the label changes or a state rises.
        thresholds: where states begin.
    """

    def __init__(self, kind: SourceKind, *, smoothing_s: float, switch_margin: float, thresholds: Thresholds) -> None:
        self._alone = kind is SourceKind.PICTURES
        self._smoothing_s = smoothing_s
        self._switch_margin = switch_margin
        self._thresholds = thresholds
        self._clock = Clock()
        self._people: dict[int, _Person] = {}

    def smooth(self, frame: Frame, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        """The same faces in the same order, decided."""
        if self._clock.advance(frame.time_s):
            self._people.clear()
        since_s = self._clock.now_s - _FORGET_S
        self._people = {track_id: person for track_id, person in self._people.items() if person.time_s >= since_s}
        return tuple(self._decide(face) for face in faces)

    def _decide(self, face: Face) -> Face:
        reading = face.emotions.probabilities
        if reading is None or face.quality.reason is not None:
            return _withheld(face, face.reason or face.quality.reason)
        if self._alone or face.track_id is None:
            person = self._meet(reading)
        elif face.track_id in self._people:
            person = self._people[face.track_id]
            self._update(person, reading)
        else:
            person = self._people[face.track_id] = self._meet(reading)
        if person.state is State.WITHHELD:
            return _withheld(face, Reason.LOW_CONFIDENCE)
        return replace(
            face,
            emotions=EmotionScores(person.probabilities.astype(np.float32)),
            label=_EMOTIONS[person.label],
            state=person.state,
            reason=None if person.state is State.SURE else Reason.LOW_CONFIDENCE,
        )

    def _meet(self, reading: NDArray[np.float32]) -> _Person:
        probabilities = reading.astype(np.float64)
        label = int(probabilities.argmax())
        return _Person(self._clock.now_s, probabilities, label, self._state(float(probabilities[label]), None))

    def _update(self, person: _Person, reading: NDArray[np.float32]) -> None:
        passed_s = self._clock.now_s - person.time_s
        weight = 1.0 if self._smoothing_s == 0 else -math.expm1(-passed_s / self._smoothing_s)
        person.time_s = self._clock.now_s
        person.probabilities = (1.0 - weight) * person.probabilities + weight * reading
        top = int(person.probabilities.argmax())
        lead = person.probabilities[top] - person.probabilities[person.label]
        if lead >= self._switch_margin and top == int(reading.argmax()):
            person.label = top
        person.state = self._state(float(person.probabilities[person.label]), person.state)

    def _state(self, probability: float, last: State | None) -> State:
        """The state of a label's probability, given the state before."""
        sure, uncertain = self._thresholds.sure, self._thresholds.uncertain
        if probability >= (self._above(sure) if last in (State.UNCERTAIN, State.WITHHELD) else sure):
            return State.SURE
        if probability >= (self._above(uncertain) if last is State.WITHHELD else uncertain):
            return State.UNCERTAIN
        return State.WITHHELD

    def _above(self, threshold: float) -> float:
        """Where a state is entered again from below: beyond its threshold, but within reach."""
        return threshold + min(self._switch_margin, (1.0 - threshold) / 2)


def _withheld(face: Face, reason: Reason | None) -> Face:
    return replace(face, emotions=EmotionScores(None), label=None, state=State.WITHHELD, reason=reason)

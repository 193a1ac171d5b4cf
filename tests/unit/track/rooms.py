"""Simulated rooms: faces that move, hide and are missed; readings that waver."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mimik.types import Box, Detection, EmotionScores, Face, Frame, Quality, Reason, State

PIXEL = np.zeros((1, 1, 3), np.uint8)


def frame(time_s: float, index: int = 0) -> Frame:
    return Frame(PIXEL, index, time_s)


def face(
    box: Box = Box(0, 0, 80, 100),  # noqa: B008 - a constant tuple
    probabilities: NDArray[np.float32] | None = None,
    *,
    track_id: int | None = None,
    reason: Reason | None = None,
) -> Face:
    """A face as `Pipeline.read` leaves it."""
    return Face(
        Detection(box, 0.9),
        Quality(0.2 if reason else 0.9, reason),
        EmotionScores(probabilities),
        State.WITHHELD if reason else State.UNCERTAIN,
        reason,
        track_id=track_id,
    )


def square(x: float, y: float = 100.0, side: float = 100.0) -> Box:
    """A box by its centre."""
    return Box(x - side / 2, y - side / 2, x + side / 2, y + side / 2)


def walk(
    seed: int, *, people: int, seconds: float, fps: float, speed: float, missed: float, hidden: float
) -> Iterator[tuple[float, list[int], list[Box]]]:
    """People who sway at their places: times, who is seen in which order, and their boxes.

    Args:
        seed: of everything random.
        people: how many.
        seconds: how long.
        fps: frames a second.
        speed: of a head, in widths a second.
        missed: share of single faces that are not detected.
        hidden: times a second that a face hides for 0.3 to 1.2 s.
    """
    rng = np.random.default_rng(seed)
    side = rng.uniform(70, 180, people)
    home = np.stack([np.linspace(200, 200 + 260 * (people - 1), people), rng.uniform(250, 450, people)], 1)
    offset, velocity, back_s = np.zeros((people, 2)), np.zeros((people, 2)), np.zeros(people)
    step_s = 1 / fps
    for index in range(int(seconds * fps)):
        time_s = index * step_s
        push = rng.normal(0, speed * np.sqrt(2 * step_s / 0.7), (people, 2)) * side[:, None]
        velocity += push - velocity * min(step_s / 0.7, 1) - offset * step_s
        offset += velocity * step_s
        hides = rng.random(people) < hidden * step_s
        back_s = np.where(hides, time_s + rng.uniform(0.3, 1.2, people), back_s)
        seen = [int(who) for who in rng.permutation(people) if back_s[who] <= time_s and rng.random() >= missed]
        jitter = rng.normal(0, 0.02, (people, 3)) * side[:, None]
        middle = home + offset + jitter[:, :2]
        yield (
            time_s,
            seen,
            [
                square(x, y, wide)
                for x, y, wide in zip(*(place[seen] for place in (*middle.T, side + jitter[:, 2])), strict=True)
            ],
        )


def waver(
    rng: np.random.Generator, expressions: list[int], fps: float, *, lead: float, noise: float
) -> list[NDArray[np.float32]]:
    """Readings of somebody who shows these expressions, frame by frame, by a network that wavers.

    Half of the noise lasts for about 0.15 s, as that of neighbouring frames does.
    """
    kept = np.exp(-1 / fps / 0.15)
    lasting = np.zeros(7)
    readings = []
    for expression in expressions:
        lasting = kept * lasting + np.sqrt(1 - kept**2) * rng.normal(0, noise * 0.7, 7)
        logits = lead * np.eye(7)[expression] + lasting + rng.normal(0, noise * 0.7, 7)
        odds = np.exp(logits - logits.max())
        readings.append((odds / odds.sum()).astype(np.float32))
    return readings

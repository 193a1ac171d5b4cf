"""Sessions made of numbers: what the tests of the analytics analyse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from mimik.store.values import ROOM, Aggregates, Purpose, Session, SessionState

__all__ = [
    "CALM",
    "FPS",
    "GLAD",
    "PLACES",
    "SAD",
    "aggregates",
    "at_step",
    "calm",
    "mixture",
    "restless",
    "rows_of",
    "session",
    "shown",
]

FPS = 10
"""Frames a second in all of them."""
GLAD, SAD, CALM = 3, 4, 6
PLACES = np.array([[-0.51, 0.59], [-0.6, 0.35], [-0.64, 0.6], [0.81, 0.51], [-0.63, -0.27], [0.4, 0.67], [0.0, 0.0]])
"""Valence and arousal of the seven."""
ISTANBUL = timezone(timedelta(hours=3))


def session(duration_s: float = 60.0, **changes: object) -> Session:
    """A finished live session that began on Monday 2 March 2026 at 09:00 in Istanbul."""
    whole = Session(
        id="abc123",
        title="Lesson",
        purpose=Purpose.RESEARCH,
        tags=(),
        consent="asked",
        ground="",
        aggregate_only=False,
        source="camera 0",
        live=True,
        model="default",
        started_at=datetime(2026, 3, 2, 9, 0, tzinfo=ISTANBUL),
        duration_s=duration_s,
        state=SessionState.DONE,
        people=0,
        clip=None,
        version="0",
        raw_until=None,
        keep_until=None,
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def mixture(index: int, weight: float = 0.8) -> NDArray[np.float64]:
    """Seven probabilities of which one is greatest."""
    probabilities = np.full(7, (1 - weight) / 6)
    probabilities[index] = weight
    return probabilities


def shown(labels: list[int] | NDArray[np.int64], weight: float = 0.8) -> NDArray[np.float64]:
    """``(steps, 7)``: each step shows its label; -1 is a step in which the person was away."""
    every = np.stack([*(mixture(label, weight) for label in range(7)), np.full(7, np.nan)])
    return np.asarray(every[np.asarray(labels)])


def calm(steps: int, random: np.random.Generator, rho: float = 0.6, spread: float = 0.06) -> NDArray[np.float64]:
    """``(steps, 7)``: one person's still face, with noise that is an AR(1) series."""
    noise = random.normal(0, spread * np.sqrt(1 - rho**2), (steps, 7))
    noise[0] /= np.sqrt(1 - rho**2)
    noise = lfilter([1.0], [1.0, -rho], noise, axis=0)
    probabilities = np.clip(mixture(CALM, 0.4) + noise, 0.001, None)
    return np.asarray(probabilities / probabilities.sum(axis=1, keepdims=True))


def restless(steps: int, random: np.random.Generator) -> NDArray[np.float64]:
    """``(steps, 7)``: expressions that stay eight seconds on average; three in ten are glad."""
    begins = random.random(steps) < 1 / 8
    begins[0] = True
    drawn = random.choice([GLAD, SAD, CALM], begins.sum(), p=[0.3, 0.1, 0.6])
    return shown(drawn[begins.cumsum() - 1])


def aggregates(people: Mapping[int, NDArray[np.float64]], *, fps: int = FPS, room: bool = True) -> Aggregates:
    """Rows at 1 s of people given as ``(steps, 7)`` probabilities, NaN where they are away; all frames were read."""
    steps = max(map(len, people.values()), default=0)
    columns: list[dict[str, NDArray[np.float64]]] = []
    for number, probabilities in people.items():
        here = np.flatnonzero(~np.isnan(probabilities[:, 0]))
        own = probabilities[here]
        count = np.full(len(here), fps)
        columns.append(
            {
                "person": np.full(len(here), number),
                "start_s": here.astype(float),
                "frames": count,
                "faces": count,
                "sure": count,
                "uncertain": count * 0,
                "withheld": np.zeros((len(here), 7)),
                "probabilities": own * fps,
                "labels": np.eye(7)[own.argmax(axis=1)] * fps,
                "quality": count * 0.9,
                "valence": own @ PLACES[:, 0] * fps,
                "arousal": own @ PLACES[:, 1] * fps,
            }
        )
    if room:
        whole: dict[str, NDArray[np.float64]] = {
            "person": np.full(steps, ROOM),
            "start_s": np.arange(steps, dtype=float),
            "frames": np.full(steps, fps),
        }
        for name in (field.name for field in fields(Aggregates)):
            if name not in ("step_s", *whole):
                wide = name in ("withheld", "probabilities", "labels")
                total = np.zeros((steps, 7) if wide else steps)
                for one in columns:
                    np.add.at(total, one["start_s"].astype(int), one[name])
                whole[name] = total
        columns.append(whole)
    return rows_of(1, {name: np.concatenate([one[name] for one in columns]) for name in columns[0]})


def rows_of(step_s: int, columns: Mapping[str, NDArray[np.float64]]) -> Aggregates:
    """Aggregates of columns, in their order and types."""
    order = np.lexsort((columns["person"], columns["start_s"]))
    whole = ("person", "frames", "faces", "sure", "uncertain", "withheld", "labels")
    return Aggregates(
        step_s,
        **{name: column[order].astype(np.int64 if name in whole else float) for name, column in columns.items()},
    )


def at_step(fine: Aggregates, step_s: int) -> Aggregates:
    """The same, merged to steps of `step_s`."""
    start = fine.start_s // step_s * step_s
    keys, index = np.unique(np.stack([start, fine.person]), axis=1, return_inverse=True)
    columns: dict[str, NDArray[np.float64]] = {"start_s": keys[0], "person": keys[1]}
    for name in (field.name for field in fields(Aggregates)):
        if name not in ("step_s", "start_s", "person"):
            column = getattr(fine, name).astype(float)
            total = np.zeros((keys.shape[1], *column.shape[1:]))
            np.add.at(total, index.ravel(), column)
            columns[name] = total
    return rows_of(step_s, columns)

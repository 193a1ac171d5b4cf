"""Sessions to make reports of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mimik.analytics import Analysis, Comparison, Group, Hours, analyse, by_hour, compare
from mimik.store.values import Aggregates, Marker, MarkerKind, Person, Purpose, Session
from tests.unit.analytics.sessions import ISTANBUL, aggregates, mixture, session

__all__ = ["HOSTILE", "groups", "lesson", "lesson_session", "relative", "tiny", "week"]

HOSTILE = (
    "</script><img src=x onerror=alert(1)> & \"quoted\" 'single' <b>bold</b> {{ 7*7 }} %{x} "
    "\u202eetihw\u202c 😀 日本語 \x00"
)
"""What somebody may type as a title, marker, tag or consent."""

_MOODS = (6, 3, 4, 5, 3, 0, 6, 3)
"""The commonest expression of each part of the lesson."""


def _people(count: int, seconds: int, seed: int) -> dict[int, NDArray[np.float64]]:
    random = np.random.default_rng(seed)
    part = max(1, seconds // len(_MOODS))
    people: dict[int, NDArray[np.float64]] = {}
    for number in range(1, count + 1):
        rows = np.empty((seconds, 7))
        mood = 6
        for second in range(seconds):
            if random.random() < 0.12:
                common = _MOODS[min(second // part, len(_MOODS) - 1)]
                mood = int(random.choice([common, common, 6, 3, 4, 5], p=[0.3, 0.3, 0.15, 0.1, 0.1, 0.05]))
            rows[second] = random.dirichlet(40 * mixture(mood, 0.75) + 0.2)
        rows[random.random(seconds) < 0.04] = np.nan
        people[number] = rows
    return people


def _withheld(rows: Aggregates) -> Aggregates:
    """The same with some faces too small or turned away."""
    withheld = rows.withheld.copy()
    withheld[::7, 1] += 4
    withheld[::11, 5] += 3
    return replace(rows, withheld=withheld, faces=rows.faces + withheld.sum(axis=1))


def lesson_session(**changes: object) -> Session:
    """A lesson of eight minutes, its ground written down."""
    values: dict[str, object] = {
        "title": "Kesirler: dördüncü sınıf",
        "purpose": Purpose.LESSON,
        "tags": ("4-A", "matematik"),
        "consent": "Velilerden yazılı onay alındı.",
        "ground": "Scientific research with consent of the parents (ethics board 2026/14).",
        "model": "default 2026-02 (3f2a9c)",
        "people": 5,
        "version": "0.4.0",
    }
    return session(480, **(values | changes))


@cache
def lesson(labels: Sequence[str] = ("konu 1", "topic 2", "soru", "ödev")) -> Analysis:
    """Five people's lesson with markers."""
    markers = [Marker(30.0 + 110 * i, label) for i, label in enumerate(labels)]
    ages = [Person(number, (20, 30) if number < 4 else (40, 50)) for number in range(1, 6)]
    people = _people(5, 480, 7)
    for number, one in people.items():
        one[146 + number : 175] = mixture(5, 0.9)  # everybody is surprised soon after the second marker
    rows = _withheld(aggregates(people))
    return analyse(lesson_session(), rows, [*markers, Marker(400, "", MarkerKind.PAUSE, 420)], ages)


@cache
def relative() -> Analysis:
    """A lesson relative to a rest of twenty seconds."""
    rest = Marker(0, "", MarkerKind.BASELINE, 20)
    return analyse(lesson_session(), aggregates(_people(3, 240, 3)), [rest, Marker(100, "question")], relative=True)


@cache
def tiny(seconds: int = 6) -> Analysis:
    """One person for a few seconds; nobody at all for none."""
    people = _people(1, seconds, 1) if seconds else {}
    return analyse(session(float(seconds), title="Short"), aggregates(people), [])


@cache
def groups(count: int = 6, names: tuple[str, ...] = ("Spot A", "Spot B"), seconds: int = 120) -> Comparison:
    """Groups of so many people; the second smiles more."""
    found = []
    for place, name in enumerate(names):
        people = _people(count, seconds, 20 + place)
        if place == 1:
            for rows in people.values():
                rows[::2] = np.where(np.isnan(rows[::2]), np.nan, mixture(3, 0.9))
        whole = session(float(seconds), title=name, id=f"s{place}")
        found.append(Group(name, (analyse(whole, aggregates(people), []),)))
    return compare(found)


@cache
def week() -> Hours:
    """A shop's week, two hours of each morning and afternoon."""
    monday = datetime(2026, 3, 2, 9, 0, tzinfo=ISTANBUL)
    made = []
    for day in range(6):
        for hour in (9, 11, 14, 17):
            rows = aggregates(_people(2, 60, 100 + 10 * day + hour))
            begun = monday + timedelta(days=day, hours=hour - 9)
            made.append((session(60.0, id=f"d{day}h{hour}", purpose=Purpose.SHOP, started_at=begun), rows))
    return by_hour(made)

"""What an analysis says: frozen values whose `to_dict()` is ready for JSON.

Shares and probabilities are 0–1, valence and arousal -1 to 1, times seconds since the session's start. What is not
defined (a share of no readings) is None, never NaN. Seven values stand in the order of `mimik.store.values.EMOTIONS`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "AgeGroup",
    "Analysis",
    "Baseline",
    "Block",
    "Caution",
    "Change",
    "Coverage",
    "Dwell",
    "Estimate",
    "Hour",
    "Hours",
    "Interval",
    "Moment",
    "Pair",
    "Path",
    "PersonResult",
    "Result",
    "Share",
    "Shares",
    "Span",
    "Synchrony",
    "Timeline",
    "Track",
    "Transitions",
    "plain",
    "say",
]


def plain(value: Any) -> Any:
    """The value as JSON knows it: dictionaries, lists, strings, numbers and None; NaN and infinities become None."""
    if isinstance(value, Caution):
        return {"text": value.text, "values": plain(value.values)}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


class Result:
    """A result that can become JSON."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """The fields by their names, ready for `json.dumps`."""
        return dict(plain(self))


class Caution(NamedTuple):
    """Something to know before the figures are believed: an English template (its own key of translation), values."""

    text: str
    values: dict[str, object]


def say(text: str, /, **values: object) -> Caution:
    """A caution; the name lets the test of the words find the template."""
    return Caution(text, values)


@dataclass(frozen=True, slots=True)
class Estimate(Result):
    """A mean with its 95 % interval; all None where nothing was read, the interval None where it cannot be told."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Share(Result):
    """How much of one expression there was.

    Attributes:
        emotion: its key, as in `mimik.types.Emotion`.
        share: the headline: of the readings, the part whose shown label is this expression; None in an analysis
            relative to rest, where labels mean nothing.
        low: 95 % interval of `share`.
        high: 95 % interval of `share`.
        probability: beside it: mean probability over the readings; relative to rest, the difference (-1 to 1).
        probability_low: 95 % interval of `probability`.
        probability_high: 95 % interval of `probability`.
    """

    emotion: str
    share: float | None
    low: float | None
    high: float | None
    probability: float | None
    probability_low: float | None
    probability_high: float | None


@dataclass(frozen=True, slots=True)
class Shares(Result):
    """The seven expressions of some people over some time.

    Attributes:
        emotions: seven, in order.
        valence: mean over readings, or difference from rest.
        arousal: likewise.
        readings: samples with probabilities behind them.
        seconds: time in which somebody of them was read.
        people: how many people are behind them; None where the session keeps the group only.
        unit: what was drawn for the intervals: ``"time"`` (blocks of neighbouring steps) or ``"people"``.
    """

    emotions: tuple[Share, ...]
    valence: Estimate
    arousal: Estimate
    readings: int
    seconds: float
    people: int | None
    unit: str

    @property
    def top(self) -> str | None:
        """The expression with the greatest share; None where nothing was read or the analysis is relative."""
        known = [(share.share, share.emotion) for share in self.emotions if share.share is not None]
        return max(known, key=lambda pair: pair[0])[1] if known else None


@dataclass(frozen=True, slots=True)
class PersonResult(Result):
    """One person.

    Attributes:
        number: the anonymous number within the session, from 1.
        age: estimated age range in years, or None.
        shares: of their readings.
        seen_s: seconds in which their face was in the picture.
        read_s: seconds in which it was read.
        withheld: withheld samples by reason key.
        quality: mean over their samples, 0–1.
    """

    number: int
    age: tuple[int, int] | None
    shares: Shares
    seen_s: float
    read_s: float
    withheld: dict[str, int]
    quality: float | None


@dataclass(frozen=True, slots=True)
class Span(Result):
    """A piece of the session: [start_s, end_s), named by the marker that began it ("" before the first one)."""

    label: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Interval(Result):
    """What was read between two point markers; `shares` are those of the steps whose middle lies in `span`."""

    span: Span
    shares: Shares


@dataclass(frozen=True, slots=True)
class AgeGroup(Result):
    """The people whose estimated age range has its middle in ``low``–``high`` years (`high` None: and above)."""

    low: int
    high: int | None
    people: int
    shares: Shares


@dataclass(frozen=True, slots=True)
class Track(Result):
    """One quantity over the points of a timeline: value and 95 % band; None where nothing was read."""

    value: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Timeline(Result):
    """The group over time, at most 600 points.

    Attributes:
        step_s: seconds between points.
        window_s: seconds around a point over which its values are means.
        time_s: the points' times (middles).
        emotions: emotion key → mean probability (or its difference from rest) with band.
        valence: mean, with band.
        arousal: mean, with band.
        readings: readings in the step itself.
    """

    step_s: float
    window_s: float
    time_s: tuple[float, ...]
    emotions: dict[str, Track]
    valence: Track
    arousal: Track
    readings: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Path(Result):
    """The group's way through valence and arousal, at most 60 points, those without readings left out."""

    step_s: float
    time_s: tuple[float, ...]
    valence: tuple[float, ...]
    arousal: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Transitions(Result):
    """How shown expressions followed each other, from one step of a person to their next; never across a gap.

    Attributes:
        basis: ``"people"``, or ``"group"`` where the session keeps the group only (its commonest label).
        step_s: seconds between the two.
        counts: ``[from][to]``, 7 × 7; the diagonal counts staying.
        shares: rows of `counts` divided by their sums; a row without counts is None throughout.
        changes: the same without the diagonal: where an expression went when it changed.
    """

    basis: str
    step_s: int
    counts: tuple[tuple[int, ...], ...]
    shares: tuple[tuple[float | None, ...], ...]
    changes: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Dwell(Result):
    """How long an expression stayed once it was shown; spells cut by a gap or the session's end count as they are."""

    emotion: str
    spells: int
    total_s: float
    mean_s: float | None
    median_s: float | None
    longest_s: float | None


@dataclass(frozen=True, slots=True)
class Change(Result):
    """How much one expression's mean probability changed, -1 to 1."""

    emotion: str
    change: float


@dataclass(frozen=True, slots=True)
class Moment(Result):
    """A time at which the group's mood moved more than its own noise.

    Attributes:
        time_s: when.
        window_s: seconds before and after that were compared.
        size: 0–1, total variation: the part of the probability that moved from some expressions to others.
        z: how many standard errors the strongest expression moved.
        rose: expressions that gained, most first.
        fell: expressions that lost, most first.
        valence: change of valence.
        near: label of the point marker that came at most one window before, or None.
    """

    time_s: float
    window_s: float
    size: float
    z: float
    rose: tuple[Change, ...]
    fell: tuple[Change, ...]
    valence: float
    near: str | None


@dataclass(frozen=True, slots=True)
class Pair(Result):
    """Two people's valence against each other, trends removed.

    Attributes:
        people: their numbers, the smaller first.
        common_s: seconds in which both were read.
        correlation: at no delay.
        best: the correlation farthest from 0 within the delays tried.
        lag_s: the delay of `best`; positive: the second person follows the first.
        p: of `best`, by circular shifts, Holm-corrected over the pairs.
    """

    people: tuple[int, int]
    common_s: float
    correlation: float
    best: float
    lag_s: float
    p: float


@dataclass(frozen=True, slots=True)
class Synchrony(Result):
    """Whether people's expressions moved together.

    Attributes:
        mean: mean of the pairs' correlations at no delay.
        p: of `mean`, two-sided, by circular shifts.
        max_lag_s: delays up to this were tried.
        pairs: those with enough time in common; of at most 12 people, those read most.
    """

    mean: float
    p: float
    max_lag_s: float
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Hour(Result):
    """One hour of one weekday.

    Attributes:
        weekday: 0 Monday to 6 Sunday.
        hour: 0–23, local time of the recording.
        days: on how many dates something was read in it.
        faces: samples, readable or not.
        readings: samples with probabilities.
        per_frame: mean number of faces in the picture; None without frames.
        shares: seven, of the readings by shown label.
        probabilities: seven means.
        valence: mean.
        arousal: mean.
    """

    weekday: int
    hour: int
    days: int
    faces: int
    readings: int
    per_frame: float | None
    shares: tuple[float | None, ...]
    probabilities: tuple[float | None, ...]
    valence: float | None
    arousal: float | None


@dataclass(frozen=True, slots=True)
class Hours(Result):
    """Mood by weekday and hour; only cells in which frames were read, by weekday then hour."""

    cells: tuple[Hour, ...]
    sessions: int
    days: int
    warnings: tuple[Caution, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage(Result):
    """How much of the session the figures rest on.

    Attributes:
        duration_s: of the session.
        recorded_s: steps with frames, less what was paused or lost.
        paused_s: paused on purpose.
        lost_s: could not be saved.
        missing_s: neither recorded nor paused nor lost.
        rest_s: marked as rest; recorded, but not part of any share.
        seen_s: seconds with at least one face.
        read_s: seconds with at least one reading.
        frames: frames read.
        empty: frames with nobody: at least so many; exact for one person, close at fine steps.
        faces: samples.
        sure: samples with state sure.
        uncertain: samples with state uncertain.
        withheld: withheld samples by reason key.
        quality: mean over samples, 0–1.
        step_s: seconds of a row of the aggregates.
    """

    duration_s: float
    recorded_s: float
    paused_s: float
    lost_s: float
    missing_s: float
    rest_s: float
    seen_s: float
    read_s: float
    frames: int
    empty: int
    faces: int
    sure: int
    uncertain: int
    withheld: dict[str, int]
    quality: float | None
    step_s: int


@dataclass(frozen=True, slots=True)
class Baseline(Result):
    """One person at rest: means over the steps that BASELINE markers cover."""

    person: int
    seconds: float
    readings: int
    probabilities: tuple[float, ...]
    valence: float
    arousal: float


@dataclass(frozen=True, slots=True)
class Block(Result):
    """The group over a stretch of time long enough to stand alone; what a comparison without people draws from.

    Attributes:
        start_s: when.
        readings: samples with probabilities.
        shares: seven, by label; None in a relative analysis.
        probabilities: seven means, or differences from rest.
        valence: mean.
        arousal: mean.
    """

    start_s: float
    readings: int
    shares: tuple[float, ...] | None
    probabilities: tuple[float, ...]
    valence: float
    arousal: float


@dataclass(frozen=True, slots=True)
class Analysis(Result):
    """Everything about one session.

    Attributes:
        session: its id.
        title: its title.
        relative: whether probabilities, valence and arousal are differences from the person's own rest. Then only
            people with a baseline are in it, and what rests on labels is None or empty.
        overall: everybody, by readings: who is seen longer counts more. The share of the time that faces were read.
        balanced: everybody, each person counting the same (those read 10 s or more); intervals over people. None with
            fewer than two such people.
        people: by number.
        intervals: between point markers, in order; empty without point markers.
        ages: groups with somebody in them; empty where ages were not estimated.
        timeline: of the group.
        path: of the group through valence and arousal.
        transitions: None in a relative analysis.
        dwell: seven; empty in a relative analysis.
        moments: by time; empty where nothing rose above the noise.
        synchrony: None where no two people were read together long enough.
        hours: by weekday and hour.
        coverage: of the whole session, rest included.
        baselines: by person.
        block_s: seconds of a block.
        blocks: by time.
        warnings: cautions, most serious first.
    """

    session: str
    title: str
    relative: bool
    overall: Shares
    balanced: Shares | None
    people: tuple[PersonResult, ...]
    intervals: tuple[Interval, ...]
    ages: tuple[AgeGroup, ...]
    timeline: Timeline
    path: Path
    transitions: Transitions | None
    dwell: tuple[Dwell, ...]
    moments: tuple[Moment, ...]
    synchrony: Synchrony | None
    hours: Hours
    coverage: Coverage
    baselines: tuple[Baseline, ...]
    block_s: float
    blocks: tuple[Block, ...]
    warnings: tuple[Caution, ...]

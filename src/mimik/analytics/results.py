"""What an analysis says: frozen values whose `to_dict()` is ready for JSON.

Shares and probabilities are 0–1, valence and arousal -1 to 1, times seconds since the session's start. What is not
defined (a share of no readings) is None, never NaN. Seven values stand in the order of `mimik.store.values.EMOTIONS`.
"""

from __future__ import annotations

from dataclasses import dataclass

from mimik.analytics.base import Caution, Estimate, Result, plain
from mimik.analytics.course import Block, Dwell, Moment, Path, Timeline, Transitions

__all__ = [
    "AgeGroup",
    "Analysis",
    "Baseline",
    "Coverage",
    "Hour",
    "Hours",
    "Interval",
    "Pair",
    "PersonResult",
    "Share",
    "Shares",
    "Span",
    "Synchrony",
    "plain",
]


@dataclass(frozen=True, slots=True)
class Share(Result):
    """How much of one expression there was.

    Attributes:
        emotion: its key, as in `mimik.types.Emotion`.
        share: the headline: of the time that was read, the part whose shown label is this expression; None in an
            analysis relative to rest, where labels mean nothing.
        low: 95 % interval of `share`; None with too few readings, and of what was never seen, or always.
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
class Analysis(Result):
    """Everything about one session.

    Attributes:
        session: its id.
        title: its title.
        relative: whether probabilities, valence and arousal are differences from the person's own rest. Then only
            people with a baseline are in it, and what rests on labels is None or empty.
        overall: everybody, by readings: who is seen longer counts more. The share of the time that faces were read.
        balanced: everybody, each person counting the same (those read 10 s or more); intervals over people, from five
            on. None with fewer than two such people.
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

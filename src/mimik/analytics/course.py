"""What an analysis says about the course of a session: frozen values, as in `mimik.analytics.results`."""

from __future__ import annotations

from dataclasses import dataclass

from mimik.analytics.base import Result

__all__ = ["Block", "Change", "Dwell", "Moment", "Path", "Timeline", "Track", "Transitions"]


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

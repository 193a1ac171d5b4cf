"""Two or more groups against each other: A and B, this class and that, before and after."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mimik.analytics.analysis import analyse
from mimik.analytics.base import Caution, Estimate, Result, say
from mimik.analytics.course import Block
from mimik.analytics.ranks import kruskal, mann_whitney, wilcoxon
from mimik.analytics.resampling import LEAST_UNITS, drawn_sums, expanded, unit_weights
from mimik.analytics.results import Analysis, PersonResult, Span
from mimik.analytics.synchrony import holm
from mimik.errors import StoreError
from mimik.store.values import EMOTIONS, Aggregates, Marker, Person, Session

__all__ = ["Comparison", "Contrast", "Group", "GroupSummary", "compare", "compare_spans"]

Floats = NDArray[np.float64]

_LEAST_PEOPLE = 3
"""With fewer people in a group their blocks of time are compared."""
_LEAST_READ_S = 10.0
_SHORT_S = 60.0


@dataclass(frozen=True, slots=True)
class Group:
    """Sessions that belong together, under a name."""

    name: str
    analyses: tuple[Analysis, ...]


@dataclass(frozen=True, slots=True)
class GroupSummary(Result):
    """What a group consists of; `units` people or blocks of time were compared."""

    name: str
    sessions: tuple[str, ...]
    people: int
    units: int
    read_s: float


@dataclass(frozen=True, slots=True)
class Contrast(Result):
    """One measure over the groups.

    Attributes:
        name: an emotion's key, ``"valence"`` or ``"arousal"``.
        groups: each group's mean over its units, from five units that differ on with its 95 % interval.
        difference: second group's mean less the first's, with its interval; None with more than two groups.
        test: ``"mann-whitney"``, ``"wilcoxon"`` (paired) or ``"kruskal"`` (more than two groups).
        statistic: of the test; None where it cannot be made (every value the same, too few units).
        p: of the test, uncorrected.
        p_holm: corrected over the emotions; equal to `p` for valence and arousal, which are not among them.
        effect: Cliff's delta (second against first, -1 to 1), paired: rank-biserial; more than two: eta squared.
        effect_size: ``"negligible"``, ``"small"``, ``"medium"`` or ``"large"``.
    """

    name: str
    groups: tuple[Estimate, ...]
    difference: Estimate | None
    test: str
    statistic: float | None
    p: float | None
    p_holm: float | None
    effect: float | None
    effect_size: str | None


@dataclass(frozen=True, slots=True)
class Comparison(Result):
    """Groups against each other.

    Attributes:
        groups: in the order given.
        unit: ``"people"``, or ``"blocks"`` of time where there are too few people.
        measure: ``"share"`` of readings by label; ``"probability"`` (difference from rest) for relative analyses.
        relative: whether everything is relative to rest.
        paired: whether the same people (or sessions) are on both sides.
        contrasts: the seven emotions, valence, arousal.
        warnings: cautions, most serious first.
    """

    groups: tuple[GroupSummary, ...]
    unit: str
    measure: str
    relative: bool
    paired: bool
    contrasts: tuple[Contrast, ...]
    warnings: tuple[Caution, ...]


Key = tuple[int, int]
"""A person: the place of their session in the group, their number."""


def compare(groups: Sequence[Group], *, paired: bool = False) -> Comparison:
    """Compare two or more groups of sessions.

    People are the units (each person of each session who was read at least 10 s) where every group has three or more;
    otherwise blocks of time are, which says less: the warning tells it. Intervals are bootstrapped over the units, the
    rank tests are Mann-Whitney, Wilcoxon (paired) and Kruskal-Wallis (more than two groups).

    Args:
        groups: two or more, each with at least one analysis; all relative or none.
        paired: the same people stand on both sides: session i of one group with session i of the other, person by
            number. Two groups only.

    Raises:
        StoreError: fewer than two groups, an empty one, relative and absolute ones mixed, or more than two paired.
    """
    if len(groups) < 2 or not all(group.analyses for group in groups):
        raise StoreError("A comparison needs two groups or more, each with at least one session.")
    relative = groups[0].analyses[0].relative
    if any(analysis.relative != relative for group in groups for analysis in group.analyses):
        raise StoreError("Figures relative to rest cannot be compared with absolute ones; choose one for all sessions.")
    if paired and (len(groups) > 2 or len(groups[0].analyses) != len(groups[1].analyses)):
        raise StoreError("Pairs need exactly two groups with the same number of sessions, in the same order.")

    warnings: list[Caution] = []
    people = [_people(group, relative=relative) for group in groups]
    if paired:
        both = sorted(people[0].keys() & people[1].keys())
        if len(both) >= _LEAST_PEOPLE and (alone := sum(len(one) - len(both) for one in people)):
            warnings.append(
                say("{count} people were read on one side only and are left out of the pairs.", count=alone)
            )
        people = [{key: one[key] for key in both} for one in people]
    by_people = min(map(len, people)) >= _LEAST_PEOPLE
    if by_people:
        values = [np.array([one[key] for key in sorted(one)]) for one in people]
        if not paired:
            # Draws must not depend on people's numbers.
            values = [one[np.lexsort(one.T)] for one in values]
    else:
        paired = False
        values = [_blocks(group, relative=relative) for group in groups]
    warnings = [*_cautions(groups, [len(one) for one in values], by_people=by_people), *warnings]
    contrasts = _contrasts(values, paired=paired)
    return Comparison(
        tuple(_summary(group, len(one)) for group, one in zip(groups, values, strict=True)),
        "people" if by_people else "blocks",
        "probability" if relative else "share",
        relative,
        paired,
        (*_corrected(contrasts[:7]), *contrasts[7:]),
        tuple(warnings),
    )


def compare_spans(
    session: Session,
    aggregates: Aggregates,
    markers: Sequence[Marker],
    people: Sequence[Person],
    first: Span,
    second: Span,
    *,
    relative: bool = False,
) -> Comparison:
    """Compare two pieces of one session (before and after a marker), the same people on both sides."""
    groups = [
        Group(span.label, (analyse(session, aggregates, markers, people, relative=relative, span=span),))
        for span in (first, second)
    ]
    return compare(groups, paired=True)


def _people(group: Group, *, relative: bool) -> dict[Key, list[float]]:
    return {
        (place, person.number): _values(person, relative=relative)
        for place, analysis in enumerate(group.analyses)
        for person in analysis.people
        if person.read_s >= _LEAST_READ_S
    }


def _values(person: PersonResult, *, relative: bool) -> list[float]:
    shown = person.shares
    values = [one.probability if relative else one.share for one in shown.emotions]
    return [value or 0.0 for value in (*values, shown.valence.value, shown.arousal.value)]


def _blocks(group: Group, *, relative: bool) -> Floats:
    def row(block: Block) -> list[float]:
        mix = block.probabilities if relative or block.shares is None else block.shares
        return [*mix, block.valence, block.arousal]

    rows = [row(block) for analysis in group.analyses for block in analysis.blocks]
    return np.array(rows).reshape(-1, 9)


def _summary(group: Group, units: int) -> GroupSummary:
    return GroupSummary(
        group.name,
        tuple(analysis.session for analysis in group.analyses),
        sum(len(analysis.people) for analysis in group.analyses),
        units,
        sum(analysis.overall.seconds for analysis in group.analyses),
    )


def _cautions(groups: Sequence[Group], units: Sequence[int], *, by_people: bool) -> list[Caution]:
    found: list[Caution] = []
    if not by_people:
        seconds = max(analysis.block_s for group in groups for analysis in group.analyses)
        found.append(
            say(
                "Too few people in common or in a group: blocks of up to {seconds} s of time are compared instead. The "
                "result holds for these recordings and says nothing about other people.",
                seconds=round(seconds),
            )
        )
    for group, count in zip(groups, units, strict=True):
        read_s = sum(analysis.overall.seconds for analysis in group.analyses)
        if by_people and count < LEAST_UNITS:
            found.append(
                say(
                    "{group}: only {count} people. With fewer than five a difference can be chance, and a real one can "
                    "stay hidden.",
                    group=group.name,
                    count=count,
                )
            )
        if not by_people and count < LEAST_UNITS:
            found.append(
                say("{group}: blocks of time compared: {count}, too few to tell.", group=group.name, count=count)
            )
        if read_s < _SHORT_S:
            found.append(
                say(
                    "{group}: faces were read for only {seconds} s, too short for firm figures.",
                    group=group.name,
                    seconds=round(read_s),
                )
            )
    return found


def _contrasts(values: Sequence[Floats], *, paired: bool) -> list[Contrast]:
    """Of ``(units, 9)`` values a group: the seven emotions, valence, arousal."""
    names = [*(emotion.value for emotion in EMOTIONS), "valence", "arousal"]
    groups = [_estimates(one, drawn, len(one)) for one, drawn in _drawn(values)]
    differences: list[Estimate | None] = [None] * len(names)
    if paired:
        ((change, drawn),) = _drawn([values[1] - values[0]])
        differences = [*_estimates(change, drawn, len(change))]
    elif len(values) == 2:
        differences = [*_differences(values)]
    found = []
    for i, name in enumerate(names):
        column = [one[:, i] for one in values]
        test = kruskal(column) if len(values) > 2 else wilcoxon(*column) if paired else mann_whitney(*column)
        found.append(
            Contrast(
                name,
                tuple(one[i] for one in groups),
                differences[i],
                test.test,
                test.statistic,
                test.p,
                test.p,
                test.effect,
                test.effect_size,
            )
        )
    return found


def _drawn(values: Sequence[Floats]) -> list[tuple[Floats, Floats | None]]:
    """Each group's values beside the means of its resamples; None with too few units."""
    return [
        (one, drawn_sums(unit_weights(len(one), seed=i), one) / len(one) if len(one) >= LEAST_UNITS else None)
        for i, one in enumerate(values)
    ]


def _estimates(values: Floats, drawn: Floats | None, units: float) -> list[Estimate]:
    if not len(values):
        return [Estimate(None)] * values.shape[1]
    centre = values.mean(axis=0).tolist()
    if drawn is None:
        return [Estimate(value) for value in centre]
    low, high = expanded(drawn, units)
    return [_estimate(*three) for three in zip(centre, low.tolist(), high.tolist(), strict=True)]


def _estimate(value: float, low: float, high: float) -> Estimate:
    return Estimate(value) if math.isnan(low) else Estimate(value, low, high)


def _differences(values: Sequence[Floats]) -> list[Estimate]:
    first, second = values
    if not len(first) or not len(second):
        return [Estimate(None)] * first.shape[1]
    centre = second.mean(axis=0) - first.mean(axis=0)
    (_, one), (_, other) = _drawn(values)
    if one is None or other is None:
        return [Estimate(value) for value in centre.tolist()]
    found = []
    for i, value in enumerate(centre.tolist()):
        # As many units as Welch's degrees of freedom leave, and one.
        parts = np.array([group[:, i].var(ddof=1) / len(group) for group in values])
        downs = float((parts**2 / np.array([len(first) - 1, len(second) - 1])).sum())
        units = float(parts.sum() ** 2 / downs) + 1 if downs > 0 else len(first) + len(second)
        low, high = expanded((other - one)[:, [i]], units)
        found.append(_estimate(value, float(low[0]), float(high[0])))
    return found


def _corrected(contrasts: Sequence[Contrast]) -> list[Contrast]:
    """The same with Holm's correction; what could not be tested does not count."""
    tested = [i for i, contrast in enumerate(contrasts) if contrast.p is not None]
    found = list(contrasts)
    for i, p in zip(tested, holm(np.array([contrasts[i].p for i in tested], float)), strict=True):
        found[i] = replace(contrasts[i], p_holm=float(p))
    return found

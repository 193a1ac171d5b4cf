"""Two or more groups against each other: A and B, this class and that, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mimik.analytics.results import Analysis, Caution, Estimate, Result, Span
from mimik.store.values import Aggregates, Marker, Person, Session

__all__ = ["Comparison", "Contrast", "Group", "GroupSummary", "compare", "compare_spans"]


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
        groups: each group's mean over its units with its 95 % interval.
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


def compare(groups: Sequence[Group], *, paired: bool = False) -> Comparison:
    """Compare two or more groups of sessions.

    Args:
        groups: two or more, each with at least one analysis; all relative or none.
        paired: the same people stand on both sides: session i of one group with session i of the other, person by
            number. Two groups only.

    Raises:
        StoreError: fewer than two groups, an empty one, relative and absolute ones mixed, or more than two paired.
    """
    raise NotImplementedError


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
    raise NotImplementedError

"""What a session says, by pure functions over what the store keeps; no database, no drawing, no words."""

from mimik.analytics.analysis import analyse
from mimik.analytics.base import Caution, Estimate, plain
from mimik.analytics.comparison import Comparison, Contrast, Group, GroupSummary, compare, compare_spans
from mimik.analytics.course import Block, Change, Dwell, Moment, Path, Timeline, Track, Transitions
from mimik.analytics.hours import by_hour
from mimik.analytics.moments import MOMENTS_AFTER_S
from mimik.analytics.results import (
    AgeGroup,
    Analysis,
    Baseline,
    Coverage,
    Hour,
    Hours,
    Interval,
    Pair,
    PersonResult,
    Share,
    Shares,
    Span,
    Synchrony,
)
from mimik.analytics.steps import spans

__all__ = [
    "MOMENTS_AFTER_S",
    "AgeGroup",
    "Analysis",
    "Baseline",
    "Block",
    "Caution",
    "Change",
    "Comparison",
    "Contrast",
    "Coverage",
    "Dwell",
    "Estimate",
    "Group",
    "GroupSummary",
    "Hour",
    "Hours",
    "Interval",
    "Moment",
    "Pair",
    "Path",
    "PersonResult",
    "Share",
    "Shares",
    "Span",
    "Synchrony",
    "Timeline",
    "Track",
    "Transitions",
    "analyse",
    "by_hour",
    "compare",
    "compare_spans",
    "plain",
    "spans",
]

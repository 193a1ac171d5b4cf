"""Values with their intervals, and axes that suit them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from mimik.analytics import Share, Shares
from mimik.report.charts import Axis
from mimik.report.speech import Speech

__all__ = ["Amount", "amount", "amounts", "rounded_up", "share_axis", "time_ticks"]

_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
_NICE_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


@dataclass(frozen=True, slots=True)
class Amount:
    """A value and its 95 % interval; NaN where unknown."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float | None, low: float | None, high: float | None) -> Amount:
        """From what an analysis says, where None is unknown."""
        return cls(*(math.nan if part is None else part for part in (value, low, high)))

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return math.isfinite(self.value)

    @property
    def bounded(self) -> bool:
        """Whether there is an interval."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def text(self, speech: Speech, relative: bool = False) -> str:
        """``43 % (35–51 %)``, ``not seen``; of differences ``+12 points (+3 to +21)``."""
        if not self.known:
            return "–"
        if self.value == 0 and not relative:
            return speech.say("not seen")
        if relative:
            whole = speech.points(self.value)
            if not self.bounded:
                return whole
            low, high = (speech.signed(round(100 * end)) for end in (self.low, self.high))
            return f"{whole} ({speech.say('{low} to {high}', low=low, high=high)})"
        whole = speech.percent(self.value)
        return f"{whole} ({speech.range(self.low, self.high)})" if self.bounded else whole


def amount(share: Share, relative: bool) -> Amount:
    """What is shown of a share: the share itself, or the difference from rest."""
    if relative:
        return Amount.of(share.probability, share.probability_low, share.probability_high)
    return Amount.of(share.share, share.low, share.high)


def amounts(shares: Shares, relative: bool) -> tuple[Amount, ...]:
    """Seven, in the order of emotions."""
    return tuple(amount(share, relative) for share in shares.emotions)


def rounded_up(value: float, *, time: bool = False) -> float:
    """The next round number, or round time in seconds."""
    if time:
        return float(next((step for step in _NICE_S if step >= value), 86400 * math.ceil(value / 86400)))
    if value <= 0 or not math.isfinite(value):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(nice * power for nice in _NICE if nice * power >= value * (1 - 1e-9))


def share_axis(
    values: Iterable[Amount], speech: Speech, relative: bool, *, room: float = 1.0, few: bool = False
) -> Axis:
    """An axis for shares from zero, or for differences to both sides of it.

    Args:
        values: what has to fit.
        speech: the language of its ticks.
        relative: whether they are differences.
        room: how much wider than its values it is, for texts behind them.
        few: as few ticks as a narrow panel has room for.
    """
    ends = [end for value in values for end in (value.value, value.low, value.high) if math.isfinite(end)]
    high = max([0.1, *ends])
    low = min([-0.1, *ends]) if relative else 0.0
    step = rounded_up((high - low) / (2 if few else 5))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    ticks = tuple(
        (
            i * step,
            speech.signed(round(100 * i * step)) if relative else "0" if few and not i else speech.percent(i * step),
        )
        for i in range(first, last + 1)
    )
    title = speech.say("percentage points more or less than at rest") if relative else speech.say("share of time")
    return Axis(low * 1.08, max(high, last * step) * room * 1.04, ticks, title, grid=True)


def time_ticks(duration_s: float, speech: Speech) -> tuple[tuple[float, str], ...]:
    """About six positions within a session."""
    step = rounded_up(max(duration_s, 1) / 7, time=True)
    return tuple((i * step, speech.clock(i * step)) for i in range(math.floor(duration_s / step) + 1))

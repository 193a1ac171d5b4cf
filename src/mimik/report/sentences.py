"""What was found, in sentences that need no statistics to be read, each with its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import NormalDist

from mimik.analytics import (
    MOMENTS_AFTER_S,
    Analysis,
    Caution,
    Comparison,
    Contrast,
    Estimate,
    Hours,
    Interval,
    Moment,
)
from mimik.report.compared import effect_words, group_names
from mimik.report.scales import Amount, amounts
from mimik.report.speech import Speech, clean
from mimik.store.values import EMOTIONS

__all__ = ["cautions", "compare_findings", "findings", "hours_findings"]

_SHORT_S = 20.0
"""With less read than this, nothing is said but the commonest expression."""

_FEW_DAYS = 3
_Z = NormalDist().inv_cdf(0.975)
_RARE = 0.05
_SLIGHT = 0.02
"""A difference from rest below this is no finding, however sure it is."""
_NAMES = tuple(str(emotion) for emotion in EMOTIONS)


def findings(analysis: Analysis, language: str) -> tuple[str, ...]:
    """The headline findings of a session, the most important first."""
    return tuple(_session(analysis, Speech(language)))


def compare_findings(comparison: Comparison, language: str) -> tuple[str, ...]:
    """What a comparison found; where the data are thin, that comes first."""
    return tuple(_comparison(comparison, Speech(language)))


def hours_findings(hours: Hours, language: str) -> tuple[str, ...]:
    """What stands out among the hours of a week."""
    return tuple(_hours(hours, Speech(language)))


def cautions(warnings: Sequence[Caution], speech: Speech) -> tuple[str, ...]:
    """An analysis's warnings in the language; users' words in them are cleaned."""
    return tuple(
        speech.say(
            caution.text,
            **{
                name: speech.number(value, 0 if value == round(value) else 1)
                if isinstance(value, int | float)
                else clean(str(value), 60)
                for name, value in caution.values.items()
            },
        )
        for caution in warnings
    )


def _session(analysis: Analysis, speech: Speech) -> Iterator[str]:
    if not analysis.overall.readings:
        yield speech.say("No face could be read, so nothing can be said about expressions.")
        yield from _coverage(analysis, speech)
        return
    if analysis.relative:
        yield from _relative(analysis, speech)
    else:
        yield from _shares(analysis, speech)
    if analysis.overall.seconds < _SHORT_S:
        yield speech.say(
            "This is too short to say more: faces were read for only {span}.",
            span=speech.span(analysis.overall.seconds),
        )
        return
    yield from _moments(analysis, speech)
    yield from _intervals(analysis, speech)
    if not analysis.relative:
        yield from _people(analysis, speech)
    yield from _together(analysis, speech)
    yield from _coverage(analysis, speech)


def _shares(analysis: Analysis, speech: Speech) -> Iterator[str]:
    ranked = sorted(
        zip(_NAMES, amounts(analysis.overall, False), strict=True),
        key=lambda pair: -pair[1].value if pair[1].known else math.inf,
    )
    (first, most), (second, next_most) = ranked[:2]
    if most.bounded:
        yield speech.say(
            "Looked {expression} about {share} of the time (between {low} and {high}).",
            expression=speech.looks(first),
            share=speech.of(most.value),
            low=speech.percent(most.low),
            high=speech.percent(most.high),
        )
    else:
        yield speech.say(
            "Looked {expression} about {share} of the time; how sure that is cannot be told.",
            expression=speech.looks(first),
            share=speech.of(most.value),
        )
    if not next_most.known or next_most.value < _RARE or analysis.overall.seconds < _SHORT_S:
        return
    if most.bounded and next_most.bounded and next_most.high > most.low:
        yield speech.say(
            "Next came {expression}, {share} of the time ({range}); the two are too close to say which is the "
            "commoner.",
            expression=speech.looks(second),
            share=speech.percent(next_most.value),
            range=speech.range(next_most.low, next_most.high),
        )
    elif next_most.bounded:
        yield speech.say(
            "Next came {expression}, {share} of the time ({range}).",
            expression=speech.looks(second),
            share=speech.percent(next_most.value),
            range=speech.range(next_most.low, next_most.high),
        )
    else:
        yield speech.say(
            "Next came {expression}, {share} of the time.",
            expression=speech.looks(second),
            share=speech.percent(next_most.value),
        )


def _relative(analysis: Analysis, speech: Speech) -> Iterator[str]:
    clear = [
        (name, value)
        for name, value in zip(_NAMES, amounts(analysis.overall, True), strict=True)
        if value.bounded and (value.low > 0 or value.high < 0) and abs(value.value) >= _SLIGHT
    ]
    clear.sort(key=lambda pair: -abs(pair[1].value))
    for name, value in clear[:3]:
        text = (
            speech.say(
                "Compared with rest, looking {expression} was stronger: {points} (between {low} and {high}).",
                expression=speech.looks(name),
                points=speech.points(value.value),
                low=speech.signed(round(100 * value.low)),
                high=speech.signed(round(100 * value.high)),
            )
            if value.value > 0
            else speech.say(
                "Compared with rest, looking {expression} was weaker: {points} (between {low} and {high}).",
                expression=speech.looks(name),
                points=speech.points(value.value),
                low=speech.signed(round(100 * value.low)),
                high=speech.signed(round(100 * value.high)),
            )
        )
        yield text
    if not clear:
        yield speech.say("No expression differs clearly from rest.")


def _moments(analysis: Analysis, speech: Speech) -> Iterator[str]:
    if analysis.coverage.duration_s < MOMENTS_AFTER_S:
        yield speech.say(
            "The session is too short to tell moments from the usual ups and downs: that takes {least}.",
            least=speech.span(MOMENTS_AFTER_S),
        )
        return
    if not analysis.moments:
        yield speech.say("No moment stood out from the usual ups and downs.")
        return
    most = max(analysis.moments, key=lambda moment: moment.size)
    changes = _changes(most, speech)
    when = speech.clock(most.time_s)
    if most.near:
        yield speech.say(
            "The clearest change came at {time}, after the marker {marker}: {changes}.",
            time=when,
            marker=speech.quote(most.near),
            changes=changes,
        )
    else:
        yield speech.say("The clearest change came at {time}: {changes}.", time=when, changes=changes)
    if others := [moment for moment in analysis.moments if moment is not most]:
        shown = sorted(sorted(others, key=lambda moment: -moment.size)[:4], key=lambda moment: moment.time_s)
        times = speech.join([speech.clock(moment.time_s) for moment in shown])
        yield speech.say("Other clear changes: {times}.", times=times)


def _changes(moment: Moment, speech: Speech) -> str:
    parts = [
        *(
            speech.say("looking {expression} rose", expression=speech.looks(change.emotion))
            for change in moment.rose[:1]
        ),
        *(
            speech.say("looking {expression} fell", expression=speech.looks(change.emotion))
            for change in moment.fell[:1]
        ),
    ]
    return speech.join(parts) or speech.say("the mixture of expressions changed")


def _intervals(analysis: Analysis, speech: Speech) -> Iterator[str]:
    known = [
        one
        for one in analysis.intervals
        if one.shares.valence.value is not None
        and one.shares.valence.low is not None
        and one.shares.valence.high is not None
        and one.span.label
    ]
    if len(known) < 2:
        return
    low = min(known, key=lambda one: one.shares.valence.value or 0.0)
    high = max(known, key=lambda one: one.shares.valence.value or 0.0)
    if _apart(low.shares.valence, high.shares.valence, len(known)):
        yield speech.say(
            "Between the markers, faces looked most pleasant after {best} and least pleasant after {worst}.",
            best=_part(high, speech),
            worst=_part(low, speech),
        )
    else:
        yield speech.say("The parts between the markers do not differ clearly in how pleasant faces looked.")


def _apart(low: Estimate, high: Estimate, count: int) -> bool:
    """Whether the least and the most of so many differ by more than they would by chance (Bonferroni, all pairs)."""
    if None in (low.value, low.low, low.high, high.value, high.low, high.high):
        return False
    errors = [((one.high or 0.0) - (one.low or 0.0)) / (2 * _Z) for one in (low, high)]
    z = NormalDist().inv_cdf(1 - 0.05 / (count * (count - 1)))
    return (high.value or 0.0) - (low.value or 0.0) > z * math.hypot(*errors)


def _part(interval: Interval, speech: Speech) -> str:
    return f"{speech.quote(interval.span.label)} ({speech.clock(interval.span.start_s)})"


def _people(analysis: Analysis, speech: Speech) -> Iterator[str]:
    top = analysis.overall.top
    if top is None or len(analysis.people) < 2:
        return
    i = _NAMES.index(top)
    known = []
    for person in analysis.people:
        one = person.shares.emotions[i]
        if person.read_s >= _SHORT_S and one.share is not None:
            known.append((one.share, person.number, Estimate(one.share, one.low, one.high)))
    if len(known) < 2:
        return
    low, high = min(known, key=lambda one: one[:2]), max(known, key=lambda one: one[:2])
    if not _apart(low[2], high[2], len(known)):
        return
    yield speech.say(
        "People differed: looking {expression} ranged from {low} ({first}) to {high} ({last}) of their time.",
        expression=speech.looks(top),
        low=speech.percent(low[0]),
        first=speech.person(low[1]),
        high=speech.percent(high[0]),
        last=speech.person(high[1]),
    )


def _together(analysis: Analysis, speech: Speech) -> Iterator[str]:
    synchrony = analysis.synchrony
    if synchrony is None:
        return
    value = speech.signed(synchrony.mean, 2)
    if synchrony.p < 0.05 and synchrony.mean > 0:
        yield speech.say(
            "People's expressions moved together more than chance would make them (correlation {value}).", value=value
        )
    elif synchrony.p < 0.05:
        yield speech.say(
            "People's expressions moved against each other more than chance would make them (correlation {value}).",
            value=value,
        )
    else:
        yield speech.say("Nothing shows that people's expressions moved together (correlation {value}).", value=value)


def _coverage(analysis: Analysis, speech: Speech) -> Iterator[str]:
    covered = analysis.coverage
    if covered.recorded_s <= 0:
        yield speech.say("Nothing was recorded.")
        return
    if covered.read_s > 0:
        yield speech.say(
            "This rests on {read} in which a face was read, out of {recorded} recorded ({share}).",
            read=speech.span(covered.read_s),
            recorded=speech.span(covered.recorded_s),
            share=speech.percent(min(1.0, covered.read_s / covered.recorded_s)),
        )
    rest_s = covered.read_s - analysis.overall.seconds
    if analysis.baselines and not analysis.relative and rest_s >= 1:
        yield speech.say("Of that, {span} at rest are left out of the shares.", span=speech.span(rest_s))
    reasons = sorted(covered.withheld.items(), key=lambda pair: -pair[1])
    unread = sum(covered.withheld.values())
    if covered.faces and unread / covered.faces >= _RARE:
        yield speech.say(
            "{share} of the faces seen were not read, mostly for this reason: {reason}.",
            share=speech.percent(unread / covered.faces),
            reason=speech.reason(reasons[0][0]),
        )


def _comparison(comparison: Comparison, speech: Speech) -> Iterator[str]:
    if comparison.warnings:
        yield speech.say("The data are thin: take what follows as a hint, not as a result.")
    names = group_names(comparison)
    known = [contrast for contrast in comparison.contrasts if all(group.value is not None for group in contrast.groups)]
    if not known:
        yield speech.say("There is not enough to compare.")
        return
    expressions = [contrast for contrast in known if contrast.name in _NAMES]
    clear = [contrast for contrast in expressions if contrast.p_holm is not None and contrast.p_holm < 0.05]
    clear.sort(key=lambda contrast: -_distance(contrast))
    for contrast in clear[:4]:
        yield _contrast(contrast, comparison, names, speech)
    if not clear:
        yield speech.say("No expression differs clearly between {groups}.", groups=_listed(names, speech))
        if expressions:
            yield _largest(max(expressions, key=_distance), comparison, names, speech)
    valence = next((contrast for contrast in known if contrast.name == "valence"), None)
    if valence is not None and valence.p is not None and valence.p < 0.05:
        values = [group.value or 0.0 for group in valence.groups]
        yield speech.say(
            "Faces looked most pleasant in {name} (valence {value}).",
            name=speech.quote(names[values.index(max(values))]),
            value=speech.signed(max(values), 2),
        )
    counts = ", ".join(
        f"{name}: " + (speech.people(group.units) if comparison.unit == "people" else speech.stretches(group.units))
        for name, group in zip(names, comparison.groups, strict=True)
    )
    yield speech.say("Compared were {counts}.", counts=counts)


def _contrast(contrast: Contrast, comparison: Comparison, names: tuple[str, ...], speech: Speech) -> str:
    """A clear difference in words."""
    values = [group.value or 0.0 for group in contrast.groups]
    more, less = values.index(max(values)), values.index(min(values))
    tell = speech.points if comparison.relative else speech.percent
    places = {
        "more": speech.quote(names[more]),
        "less": speech.quote(names[less]),
        "expression": speech.looks(contrast.name),
        "high": tell(values[more]),
        "low": tell(values[less]),
        "effect": effect_words(contrast.effect_size, speech),
    }
    difference = contrast.difference
    if difference is None or difference.low is None or difference.high is None:
        return speech.say(
            "{more} looked {expression} more than {less}: {high} against {low}; {effect}.",
            **places,
        )
    ends = sorted(
        abs(end) if difference.low * difference.high > 0 else end for end in (difference.low, difference.high)
    )
    return speech.say(
        "{more} looked {expression} more than {less}: {high} against {low}, {from_points} to {to_points} points more; "
        "{effect}.",
        **places,
        from_points=speech.number(round(100 * ends[0])),
        to_points=speech.number(round(100 * ends[1])),
    )


def _largest(contrast: Contrast, comparison: Comparison, names: tuple[str, ...], speech: Speech) -> str:
    values = ", ".join(
        f"{name} {Amount.of(group.value, group.low, group.high).text(speech, comparison.relative)}"
        for name, group in zip(names, contrast.groups, strict=True)
    )
    return speech.say(
        "Farthest apart, and still within what chance can do, was looking {expression}: {values}.",
        expression=speech.looks(contrast.name),
        values=values,
    )


def _distance(contrast: Contrast) -> float:
    values = [group.value or 0.0 for group in contrast.groups]
    return max(values) - min(values)


def _listed(names: tuple[str, ...], speech: Speech) -> str:
    return speech.join([speech.quote(name) for name in names])


def _hours(hours: Hours, speech: Speech) -> Iterator[str]:
    read = [cell for cell in hours.cells if cell.readings and cell.valence is not None]
    if not read:
        yield speech.say("No face could be read, so nothing can be said about expressions.")
        return
    whole = sum(cell.readings for cell in read)
    means = [sum((cell.shares[i] or 0.0) * cell.readings for cell in read) / whole for i in range(7)]
    top = max(range(7), key=means.__getitem__)
    yield speech.say(
        "Over all hours, faces looked {expression} most often: {share} of the readings.",
        expression=speech.looks(_NAMES[top]),
        share=speech.percent(means[top]),
    )
    # An hour with few readings is the best or worst by chance.
    enough = [cell for cell in read if cell.readings >= 0.2 * whole / len(read)]
    thin = False
    if len(enough) > 2:
        best = max(enough, key=lambda cell: cell.valence or 0.0)
        worst = min(enough, key=lambda cell: cell.valence or 0.0)
        thin = min(best.days, worst.days) < _FEW_DAYS
        yield speech.say(
            "Faces looked most pleasant on {best} and least pleasant on {worst}.",
            best=f"{speech.weekday(best.weekday)}, {speech.hour(best.hour)}",
            worst=f"{speech.weekday(worst.weekday)}, {speech.hour(worst.hour)}",
        )
    busy = [cell for cell in hours.cells if cell.per_frame is not None]
    if len(busy) > 2:
        busiest = max(busy, key=lambda cell: cell.per_frame or 0.0)
        yield speech.say(
            "It was busiest on {time}: {count} faces at a time on average.",
            time=f"{speech.weekday(busiest.weekday)}, {speech.hour(busiest.hour)}",
            count=speech.number(busiest.per_frame or 0.0, 1),
        )
    if max(cell.days for cell in read) < _FEW_DAYS:
        yield speech.say(
            "Every hour was watched on one or two days only, so a single day's chance shows; watch more weeks to be "
            "sure."
        )
    elif thin:
        yield speech.say(
            "The most or the least pleasant hour was watched on one or two days only, so a single day's chance shows; "
            "watch more weeks to be sure."
        )
    yield speech.say(
        "This rests on {sessions} on {days}.", sessions=speech.sessions(hours.sessions), days=speech.days(hours.days)
    )

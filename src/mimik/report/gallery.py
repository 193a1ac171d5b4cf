"""Figures of what was read: of one session, of groups compared, of the hours of a week."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mimik.analytics import Analysis, Comparison, Hours, Share, Shares
from mimik.report.charts import INKS, PEOPLE_INKS, Axis, Chart, Figure
from mimik.report.compared import compared, week
from mimik.report.scales import Amount, amount, amounts, rounded_up, share_axis
from mimik.report.sequences import sequences
from mimik.report.speech import Speech, clean
from mimik.report.times import timeline
from mimik.store.values import EMOTIONS

__all__ = ["figures"]

_ROWS = 24
"""People or intervals shown at most; the table behind has them all."""


def figures(result: Analysis | Comparison | Hours, language: str, theme: str = "light") -> tuple[Figure, ...]:
    """The figures of an analysis, a comparison or a week's hours, in the order they are read.

    Args:
        result: what to draw.
        language: ``en`` or ``tr``.
        theme: ``light`` or ``dark``.

    Raises:
        ValueError: the language is unknown.
        KeyError: the theme is unknown.
    """
    speech = Speech(language)
    if isinstance(result, Comparison):
        return compared(result, speech, theme)
    if isinstance(result, Hours):
        return week(result, speech, theme)
    if not result.overall.readings:
        return (_coverage(result, speech, theme),)
    drawn = [
        _shares(result, speech, theme),
        _coverage(result, speech, theme),
        timeline(result, speech, theme),
        _intervals(result, speech, theme) if len(result.intervals) > 1 else None,
        _people(result, speech, theme) if len(result.people) > 1 else None,
        _ages(result, speech, theme) if len(result.ages) > 1 else None,
        *sequences(result, speech, theme),
        *(week(result.hours, speech, theme) if len(result.hours.cells) > 2 else ()),
    ]
    return tuple(figure for figure in drawn if figure is not None)


def _shares(analysis: Analysis, speech: Speech, theme: str) -> Figure:
    known = [(share, amount(share, analysis.relative)) for share in analysis.overall.emotions]
    known.sort(key=lambda pair: abs(pair[1].value) if math.isfinite(pair[1].value) else -1.0, reverse=True)
    shown = [value for _, value in known]
    axis = share_axis(shown, speech, analysis.relative, room=1.65)
    places = [float(-i) for i in range(len(known))]
    names = [speech.emotion(share.emotion) for share, _ in known]
    texts = [value.text(speech, analysis.relative) for value in shown]
    chart = Chart(theme, 275, left=105, right=16, top=4, bottom=44)
    panel = chart.panel(axis, Axis(-len(known) + 0.4, 0.6, tuple(zip(places, names, strict=True))))
    chart.bars(
        panel,
        [value.value for value in shown],
        places,
        [INKS[share.emotion] for share, _ in known],
        [f"{name}: {text}" for name, text in zip(names, texts, strict=True)],
        spans=[(value.low, value.high) for value in shown],
    )
    if analysis.relative:
        chart.rule(panel, 0, dash="solid")
    for place, value, text in zip(places, shown, texts, strict=True):
        ends = [end for end in (0.0, value.value, value.high) if math.isfinite(end)]
        chart.label(panel, max(ends), place, text, shift=8)
    listed = ", ".join(f"{speech.lower(name)} {text}" for name, text in zip(names, texts, strict=True))
    if analysis.relative:
        title = speech.say("Expressions compared with rest")
        note = speech.say(
            "How much stronger or weaker each expression was than at rest. The thin lines show where the true value "
            "probably lies (95 of 100 times)."
        )
    else:
        title = speech.say("Share of time of each expression")
        note = speech.say(
            "Of the time in which faces were read. The thin lines show where the true share probably lies (95 of 100 "
            "times)."
        )
        if any(value.value == 0 for value in shown):
            note += " " + speech.say("What was not seen in this time may still come in another.")
    return Figure(
        "shares",
        title,
        speech.say("Bars, longest first: {values}.", values=listed),
        chart.plotly,
        note,
        (speech.say("Expression"), speech.say("Share of time"), speech.say("Mean probability")),
        tuple(
            (
                speech.emotion(share.emotion),
                amount(share, analysis.relative).text(speech, analysis.relative) if not analysis.relative else "–",
                _probability(share, speech, analysis.relative),
            )
            for share in analysis.overall.emotions
        ),
    )


def _probability(share: Share, speech: Speech, relative: bool) -> str:
    return Amount.of(share.probability, share.probability_low, share.probability_high).text(speech, relative)


def _people(analysis: Analysis, speech: Speech, theme: str) -> Figure:
    rows = [(speech.person(person.number), person.shares) for person in analysis.people]
    return _multiples(
        "people",
        speech.say("Each person"),
        speech.say("Person"),
        rows,
        analysis.relative,
        speech,
        theme,
    )


def _intervals(analysis: Analysis, speech: Speech, theme: str) -> Figure:
    rows = [
        (
            f"{speech.clock(interval.span.start_s)} "
            + (clean(interval.span.label, 60) or speech.say("before the first marker")),
            interval.shares,
        )
        for interval in analysis.intervals
    ]
    return _multiples(
        "intervals",
        speech.say("Between the markers"),
        speech.say("From"),
        rows,
        analysis.relative,
        speech,
        theme,
    )


def _ages(analysis: Analysis, speech: Speech, theme: str) -> Figure:
    rows = [
        (
            speech.say("{low} years and above ({people})", low=group.low, people=speech.people(group.people))
            if group.high is None
            else speech.say(
                "{low}–{high} years ({people})", low=group.low, high=group.high, people=speech.people(group.people)
            ),
            group.shares,
        )
        for group in analysis.ages
    ]
    return _multiples("ages", speech.say("By estimated age"), speech.say("Age"), rows, analysis.relative, speech, theme)


def _multiples(
    name: str,
    title: str,
    head: str,
    rows: Sequence[tuple[str, Shares]],
    relative: bool,
    speech: Speech,
    theme: str,
) -> Figure:
    """One column of bars an expression, one row a person or interval, all to one scale."""
    shown = rows[:_ROWS]
    values = [amounts(shares, relative) for _, shares in shown]
    columns = [
        column
        for column in range(len(EMOTIONS))
        if any(abs(row[column].value) >= 0.03 for row in values if math.isfinite(row[column].value))
    ] or [[str(emotion) for emotion in EMOTIONS].index("neutral")]
    axis = share_axis([row[column] for row in values for column in columns], speech, relative, few=True)
    labels = [clean(label, 30) for label, _ in shown]
    left = min(215, 22 + 8 * max(len(label) for label in labels))
    chart = Chart(theme, 52 + 26 * len(shown), left=left, right=14, top=26, bottom=26)
    places = [float(-i) for i in range(len(shown))]
    gap = 0.03
    width = (1 - gap * (len(columns) - 1)) / len(columns)
    for number, column in enumerate(columns):
        start = number * (width + gap)
        emotion = str(EMOTIONS[column])
        panel = chart.panel(
            Axis(axis.low, axis.high, axis.ticks, "", (start, min(1.0, start + width)), True),
            Axis(-len(shown) + 0.4, 0.6, tuple(zip(places, labels, strict=True)) if number == 0 else ()),
        )
        chart.bars(
            panel,
            [row[column].value for row in values],
            places,
            [INKS[emotion]] * len(shown),
            [
                f"{label}, {speech.looks(emotion)}: {row[column].text(speech, relative)}"
                for label, row in zip(labels, values, strict=True)
            ],
            spans=[(row[column].low, row[column].high) for row in values],
        )
        chart.rule(panel, 0, dash="solid", whole=False)
        chart.label(panel, axis.low, 1.0, speech.emotion(emotion), rise="bottom", paper=True, bold=True)
    note = speech.say("One column an expression, one row each; the thin lines show where the true share probably lies.")
    if len(rows) > len(shown):
        note += " " + speech.say("The first {count} of {all} are drawn.", count=len(shown), all=len(rows))
    return Figure(
        name,
        title,
        "; ".join(_told(label, shares, relative, speech) for label, shares in shown[:8])
        + ("…" if len(shown) > 8 else "."),
        chart.plotly,
        note,
        (head, *(speech.emotion(str(emotion)) for emotion in EMOTIONS), speech.say("Read for")),
        tuple(
            (
                clean(label, 60),
                *(value.text(speech, relative) for value in amounts(shares, relative)),
                speech.span(shares.seconds),
            )
            for label, shares in rows
        ),
    )


def _told(label: str, shares: Shares, relative: bool, speech: Speech) -> str:
    """A row in words: its two strongest expressions."""
    pairs = [
        (value.value, str(emotion))
        for emotion, value in zip(EMOTIONS, amounts(shares, relative), strict=True)
        if math.isfinite(value.value)
    ]
    pairs.sort(key=lambda pair: abs(pair[0]), reverse=True)
    if not pairs:
        return speech.say("{name}: not read", name=label)
    listed = ", ".join(
        f"{speech.looks(emotion)} {speech.points(value) if relative else speech.percent(value)}"
        for value, emotion in pairs[:2]
    )
    return f"{label}: {listed}"


def _coverage(analysis: Analysis, speech: Speech, theme: str) -> Figure:
    covered = analysis.coverage
    parts = [
        (speech.say("Expression read"), covered.read_s),
        (speech.say("Face seen, not readable"), max(0.0, covered.seen_s - covered.read_s)),
        (speech.say("Nobody in the picture"), max(0.0, covered.recorded_s - covered.seen_s)),
        (speech.say("Paused"), covered.paused_s),
        (speech.say("Could not be saved"), covered.lost_s),
        (speech.say("Nothing recorded"), covered.missing_s),
    ]
    parts = [parts[0], *(part for part in parts[1:] if part[1] >= 0.5)]
    whole = max(covered.duration_s, sum(seconds for _, seconds in parts), 1.0)
    reasons = sorted(
        ((reason, count) for reason, count in covered.withheld.items() if count), key=lambda pair: -pair[1]
    )
    top = len(parts)
    chart = Chart(theme, 84 + 26 * top, left=200, right=16, top=4, bottom=44)
    longest = max(seconds for _, seconds in parts) or 1.0
    places = [float(-i) for i in range(top)]
    step = rounded_up(longest / 4, time=True)
    ticks = tuple((i * step, speech.clock(i * step)) for i in range(math.floor(longest / step) + 1))
    panel = chart.panel(
        Axis(0, longest * 1.4, ticks, speech.say("time"), grid=True),
        Axis(-top + 0.4, 0.6, tuple(zip(places, (name for name, _ in parts), strict=True))),
    )
    texts = [f"{speech.span(seconds)} ({speech.percent(seconds / whole)})" for _, seconds in parts]
    chart.bars(
        panel,
        [seconds for _, seconds in parts],
        places,
        [PEOPLE_INKS[0], *["#b9bec5"] * (top - 1)],
        [f"{name}: {text}" for (name, _), text in zip(parts, texts, strict=True)],
    )
    for place, (_, seconds), text in zip(places, parts, texts, strict=True):
        chart.label(panel, seconds, place, text, shift=8)
    note = ""
    if reasons:
        listed = ", ".join(
            f"{speech.reason(reason)} {speech.percent(count / max(1, covered.faces))}" for reason, count in reasons
        )
        note = speech.say("Of all faces seen, these were not read: {reasons}.", reasons=listed)
    return Figure(
        "coverage",
        speech.say("What the figures rest on"),
        speech.say(
            "Bars of time: {parts}.",
            parts=", ".join(f"{speech.lower(name)} {text}" for (name, _), text in zip(parts, texts, strict=True)),
        ),
        chart.plotly,
        note,
        (speech.say("Part of the session"), speech.say("Time")),
        (
            *((name, text) for (name, _), text in zip(parts, texts, strict=True)),
            *(
                (
                    speech.say("Not read: {reason}", reason=speech.reason(reason)),
                    speech.percent(count / max(1, covered.faces)),
                )
                for reason, count in reasons
            ),
        ),
    )

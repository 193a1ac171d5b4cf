"""Figures of what follows what: changes of expression, how long they stay, the way of the mood, people together."""

from __future__ import annotations

import math
from collections.abc import Iterator

from mimik.analytics import Analysis, Dwell, Path, Synchrony, Transitions
from mimik.report.charts import INKS, PEOPLE_INKS, SYMBOLS, Axis, Chart, Figure
from mimik.report.scales import rounded_up
from mimik.report.speech import Speech
from mimik.store.values import EMOTIONS

__all__ = ["sequences"]

_PAIRS = 15
_DOTS = 20
_NAMES = tuple(str(emotion) for emotion in EMOTIONS)


def sequences(analysis: Analysis, speech: Speech, theme: str) -> Iterator[Figure]:
    """Those of the four for which there is something to draw."""
    if len(analysis.path.time_s) > 2:
        yield _path(analysis, speech, theme)
    dwell = [one for one in analysis.dwell if one.spells and one.median_s is not None]
    if dwell:
        yield _dwell(dwell, speech, theme)
    if analysis.transitions is not None and any(
        count for i, row in enumerate(analysis.transitions.counts) for j, count in enumerate(row) if i != j
    ):
        yield _transitions(analysis.transitions, speech, theme)
    if analysis.synchrony is not None and analysis.synchrony.pairs:
        yield _synchrony(analysis.synchrony, speech, theme)


def _path(analysis: Analysis, speech: Speech, theme: str) -> Figure:
    path = _thinned(analysis.path)
    farthest = max(abs(v) for v in (*path.valence, *path.arousal))
    reach = max(0.2, math.ceil(farthest * 11) / 10)
    ticks = tuple((part * reach, speech.signed(part * reach, 2)) for part in (-1.0, -0.5, 0.0, 0.5, 1.0))
    chart = Chart(theme, 290, left=66, right=24, top=12, bottom=48)
    panel = chart.panel(
        Axis(-reach * 1.08, reach * 1.08, ticks, speech.say("unpleasant ← valence → pleasant"), grid=True),
        Axis(-reach * 1.08, reach * 1.08, ticks, speech.say("calm ← arousal → excited"), grid=True),
    )
    chart.rule(panel, 0, dash="solid")
    hover = [
        speech.say(
            "{time}: valence {valence}, arousal {arousal}",
            time=speech.clock(at),
            valence=speech.signed(valence, 2),
            arousal=speech.signed(arousal, 2),
        )
        for at, valence, arousal in zip(path.time_s, path.valence, path.arousal, strict=True)
    ]
    inks = [_between(chart.theme.early, chart.theme.late, i / (len(hover) - 1)) for i in range(len(hover))]
    chart.line(panel, path.valence, path.arousal, "#8fa3b8", width=1.4)
    chart.dots(panel, path.valence, path.arousal, inks, "circle", hover, size=8)
    names = {0: speech.say("start"), len(hover) - 1: speech.say("end")}
    # Beginning and end may lie close together: their names then stand on different sides.
    first_is_left = path.valence[0] <= path.valence[-1]
    for i, symbol, left in ((0, "square", first_is_left), (len(hover) - 1, "diamond", not first_is_left)):
        chart.dots(panel, [path.valence[i]], [path.arousal[i]], [inks[i]], symbol, [hover[i]], size=13)
        chart.label(
            panel,
            path.valence[i],
            path.arousal[i],
            f"{names[i]} {speech.clock(path.time_s[i])}",
            anchor="right" if left else "left",
            shift=-10 if left else 10,
            bold=True,
        )
    mean = [sum(values) / len(values) for values in (path.valence, path.arousal)]
    return Figure(
        "path",
        speech.say("The way through pleasant and unpleasant, calm and excited")
        if not analysis.relative
        else speech.say("The way through pleasant and unpleasant, calm and excited, compared with rest"),
        speech.say(
            "A path from {start} to {end}; on the whole valence {valence}, arousal {arousal}.",
            start=hover[0],
            end=hover[-1],
            valence=speech.signed(mean[0], 2),
            arousal=speech.signed(mean[1], 2),
        ),
        chart.plotly,
        speech.say(
            "Each dot is {span} of the session, the later the stronger its colour. Both values run from −1 to +1 and "
            "are derived from the seven expressions, not measured.",
            span=speech.span(path.step_s),
        ),
        (speech.say("Time"), speech.say("Valence"), speech.say("Arousal")),
        tuple(
            (speech.clock(at), speech.signed(valence, 2), speech.signed(arousal, 2))
            for at, valence, arousal in zip(path.time_s, path.valence, path.arousal, strict=True)
        ),
    )


def _thinned(path: Path) -> Path:
    """At most so many dots as an eye can follow, each the mean of neighbours."""
    every = math.ceil(len(path.time_s) / _DOTS)

    def means(values: tuple[float, ...]) -> tuple[float, ...]:
        parts = [values[i : i + every] for i in range(0, len(values), every)]
        return tuple(sum(part) / len(part) for part in parts)

    return Path(path.step_s * every, means(path.time_s), means(path.valence), means(path.arousal))


def _between(first: str, last: str, part: float) -> str:
    """A colour on the way from one to another, 0–1."""
    ends = [[int(ink[i : i + 2], 16) for i in (1, 3, 5)] for ink in (first, last)]
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in zip(*ends, strict=True))


def _dwell(rows: list[Dwell], speech: Speech, theme: str) -> Figure:
    rows = sorted(rows, key=lambda one: -(one.median_s or 0))
    places = [float(-i) for i in range(len(rows))]
    medians = [one.median_s or 0.0 for one in rows]
    texts = [
        speech.say(
            "{median}; longest {longest}; {count} times",
            median=speech.span(one.median_s or 0),
            longest=speech.span(one.longest_s or 0),
            count=speech.number(one.spells),
        )
        for one in rows
    ]
    longest = max([1.0, *medians])
    step = rounded_up(longest / 3, time=True)
    ticks = tuple((i * step, speech.span(i * step)) for i in range(math.floor(longest / step) + 1))
    chart = Chart(theme, 56 + 25 * len(rows), left=105, right=16, top=4, bottom=44)
    names = [speech.emotion(one.emotion) for one in rows]
    panel = chart.panel(
        Axis(0, longest * 1.85, ticks, speech.say("how long it usually stayed (median)"), grid=True),
        Axis(-len(rows) + 0.4, 0.6, tuple(zip(places, names, strict=True))),
    )
    chart.bars(
        panel,
        medians,
        places,
        [INKS[one.emotion] for one in rows],
        [f"{name}: {text}" for name, text in zip(names, texts, strict=True)],
    )
    for place, median, text in zip(places, medians, texts, strict=True):
        chart.label(panel, median, place, text, shift=8)
    return Figure(
        "dwell",
        speech.say("How long an expression stayed"),
        speech.say(
            "Bars: {values}.",
            values=", ".join(f"{speech.lower(name)} {text}" for name, text in zip(names, texts, strict=True)),
        ),
        chart.plotly,
        "",
        (
            speech.say("Expression"),
            speech.say("Median"),
            speech.say("Mean"),
            speech.say("Longest"),
            speech.say("Times"),
            speech.say("Altogether"),
        ),
        tuple(
            (
                speech.emotion(one.emotion),
                speech.span(one.median_s or 0),
                speech.span(one.mean_s or 0),
                speech.span(one.longest_s or 0),
                speech.number(one.spells),
                speech.span(one.total_s),
            )
            for one in rows
        ),
    )


def _transitions(transitions: Transitions, speech: Speech, theme: str) -> Figure:
    counts = transitions.counts
    leaving = [sum(count for j, count in enumerate(row) if j != i) for i, row in enumerate(counts)]
    entering = [sum(row[j] for i, row in enumerate(counts) if i != j) for j in range(7)]
    rows = [i for i in range(7) if leaving[i]]
    columns = [j for j in range(7) if entering[j]]
    values = [[_share(transitions, i, j) for j in columns] for i in rows]
    texts = [
        ["" if i == j or not counts[i][j] else speech.percent(value) for j, value in zip(columns, line, strict=True)]
        for i, line in zip(rows, values, strict=True)
    ]
    hover = [
        [
            ""
            if i == j
            else speech.say(
                "from {first} to {second}: {count} times, {share}",
                first=speech.looks(_NAMES[i]),
                second=speech.looks(_NAMES[j]),
                count=speech.number(counts[i][j]),
                share=speech.percent(value) if math.isfinite(value) else "–",
            )
            for j, value in zip(columns, line, strict=True)
        ]
        for i, line in zip(rows, values, strict=True)
    ]
    chart = Chart(theme, 62 + 26 * len(rows), left=190, right=16, top=28, bottom=34)
    places = [float(-i) for i in range(len(rows))]
    heads = tuple(
        (
            place,
            speech.say(
                "{expression} ({count} times)", expression=speech.emotion(_NAMES[i]), count=speech.number(leaving[i])
            ),
        )
        for place, i in zip(places, rows, strict=True)
    )
    panel = chart.panel(
        Axis(-0.5, len(columns) - 0.5, (), speech.say("what the expression changed to")),
        Axis(-len(rows) + 0.5, 0.5, heads),
    )
    chart.cells(panel, values, [float(j) for j in range(len(columns))], places, texts, hover, full=1.0)
    for place, j in enumerate(columns):
        chart.label(panel, place, 1.0, speech.emotion(_NAMES[j]), anchor="center", rise="bottom", paper=True, lift=4)
    often = sorted(((counts[i][j], i, j) for i in range(7) for j in range(7) if i != j and counts[i][j]), reverse=True)[
        :3
    ]
    listed = "; ".join(hover[rows.index(i)][columns.index(j)] for _, i, j in often)
    return Figure(
        "transitions",
        speech.say("What followed what"),
        speech.say("The commonest changes: {changes}.", changes=listed),
        chart.plotly,
        speech.say(
            "Each row tells, of the times that an expression ended, which one came next; the stronger the colour, the "
            "more often."
        ),
        (speech.say("Expression"), *(speech.emotion(_NAMES[j]) for j in columns)),
        tuple(
            (
                speech.emotion(_NAMES[i]),
                *(
                    "–" if i == j else f"{speech.number(counts[i][j])} ({speech.percent(value)})"
                    for j, value in zip(columns, line, strict=True)
                ),
            )
            for i, line in zip(rows, values, strict=True)
        ),
    )


def _share(transitions: Transitions, i: int, j: int) -> float:
    value = transitions.changes[i][j]
    return math.nan if i == j or value is None else value


def _synchrony(synchrony: Synchrony, speech: Speech, theme: str) -> Figure:
    pairs = sorted(synchrony.pairs, key=lambda pair: -pair.correlation)
    half = (_PAIRS + 1) // 2
    shown = pairs if len(pairs) <= _PAIRS else [*pairs[:half], *pairs[half - _PAIRS :]]
    names = [speech.say("Persons {first} and {second}", first=pair.people[0], second=pair.people[1]) for pair in pairs]
    drawn = [names[pairs.index(pair)] for pair in shown]
    places = [float(-i) for i in range(len(shown))]
    ticks = tuple((value, speech.signed(value, 1)) for value in (-1.0, -0.5, 0.0, 0.5, 1.0))
    chart = Chart(theme, 70 + 20 * len(shown), left=150, right=150, top=4, bottom=44)
    panel = chart.panel(
        Axis(-1.05, 1.05, ticks, speech.say("opposite ← correlation → together"), grid=True),
        Axis(-len(shown) + 0.4, 0.6, tuple(zip(places, drawn, strict=True))),
    )
    chart.rule(panel, 0, dash="solid")
    for clear in (False, True):
        chosen = [(place, pair) for place, pair in zip(places, shown, strict=True) if (pair.p < 0.05) == clear]
        if chosen:
            chart.dots(
                panel,
                [pair.correlation for _, pair in chosen],
                [place for place, _ in chosen],
                [PEOPLE_INKS[0] if clear else chart.theme.paper] * len(chosen),
                SYMBOLS[0] if clear else SYMBOLS[2],
                [speech.signed(pair.correlation, 2) for _, pair in chosen],
            )
    for place, pair in zip(places, shown, strict=True):
        told = speech.say("beyond chance") if pair.p < 0.05 else speech.say("may be chance")
        chart.label(panel, 1.05, place, f"{speech.signed(pair.correlation, 2)}, {told}", shift=6, size=11)
    note = speech.say(
        "How far two people's expressions became pleasant and unpleasant at the same time. Filled dots moved together "
        "more than chance would make them, at once or with a delay."
    )
    if len(pairs) > len(shown):
        note += " " + speech.say("The first {count} of {all} are drawn.", count=len(shown), all=len(pairs))
    return Figure(
        "synchrony",
        speech.say("Did people's expressions move together?"),
        speech.say(
            "On average {mean} (−1 opposite, 0 unrelated, +1 together); most together: {pair}.",
            mean=speech.signed(synchrony.mean, 2),
            pair=f"{names[0]}, {speech.signed(pairs[0].correlation, 2)}",
        ),
        chart.plotly,
        note,
        (
            speech.say("Pair"),
            speech.say("Correlation"),
            speech.say("Strongest, with delay"),
            speech.say("Delay"),
            speech.say("Read together for"),
        ),
        tuple(
            (
                name,
                speech.signed(pair.correlation, 2),
                speech.signed(pair.best, 2),
                speech.say("{count} s", count=speech.signed(pair.lag_s, 1)),
                speech.span(pair.common_s),
            )
            for name, pair in zip(names, pairs, strict=True)
        ),
    )

"""The figure of the group over time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mimik.analytics import Analysis, Track
from mimik.report.charts import INKS, Axis, Chart, Figure
from mimik.report.scales import rounded_up, time_ticks
from mimik.report.speech import Speech, clean
from mimik.store.values import EMOTIONS

__all__ = ["timeline"]

_FAINT = 0.1
"""Expressions that never come above it get no row of their own."""

_TABLE_ROWS = 30


def timeline(analysis: Analysis, speech: Speech, theme: str) -> Figure | None:
    """One row an expression, with its band, the markers' lines and the moments' marks; None without points."""
    line = analysis.timeline
    if len(line.time_s) < 2:
        return None
    tracks = {str(emotion): line.emotions[str(emotion)] for emotion in EMOTIONS}
    peaks = {
        emotion: max((abs(v) for v in track.value if v is not None), default=0.0) for emotion, track in tracks.items()
    }
    rows = [emotion for emotion, peak in peaks.items() if peak >= _FAINT]
    rows = sorted(rows, key=lambda emotion: -_mean(tracks[emotion])) or ["neutral"]
    hidden = [emotion for emotion in peaks if emotion not in rows]
    span = line.step_s / 2
    start, end = line.time_s[0] - span, line.time_s[-1] + span
    top_value = max(
        [
            0.1,
            *(
                v
                for emotion in rows
                for track in [tracks[emotion]]
                for v in (*track.value, *track.high)
                if v is not None
            ),
        ]
    )
    low_value = 0.0
    if analysis.relative:
        low_value = min(
            [
                -0.1,
                *(
                    v
                    for emotion in rows
                    for track in [tracks[emotion]]
                    for v in (*track.value, *track.low)
                    if v is not None
                ),
            ]
        )
    step = rounded_up(max(top_value, -low_value) / 2)
    ticks = tuple(
        (i * step, speech.signed(round(100 * i * step)) if analysis.relative else speech.percent(i * step))
        for i in (-1, 0, 1)
        if low_value <= i * step <= top_value * 1.02
    )
    marks = [interval.span for interval in analysis.intervals if interval.span.label]
    places = _placed([(mark.start_s, clean(mark.label, 40)) for mark in marks], end - start)
    head = 10 + 17 * (1 + max((storey for _, _, storey in places), default=-1)) + (6 if places else 0)
    height = 54 if len(rows) > 3 else 70
    chart = Chart(theme, head + height * len(rows) + 44, left=58, right=104, top=head, bottom=44, zoom=True)
    across = time_ticks(end, speech)
    for number, emotion in enumerate(rows):
        top = 1 - number / len(rows)
        gap = 0.2 / len(rows)
        last = number == len(rows) - 1
        panel = chart.panel(
            Axis(
                start,
                end,
                tuple((at, text if last else "") for at, text in across if at >= start),
                speech.say("time since the start") if last else "",
                grid=True,
            ),
            Axis(low_value, top_value * 1.02, ticks, "", (top - 1 / len(rows), top - gap), True),
        )
        _row(chart, panel, emotion, tracks[emotion], analysis, speech)
        chart.label(panel, end, (low_value + top_value) / 2, speech.emotion(emotion), shift=8, bold=True)
    for mark in marks:
        chart.rule(1, mark.start_s)
    for at, name, storey in places:
        chart.label(1, at, 1.0, name, rise="bottom", paper=True, shift=2, size=11, lift=3 + 17 * storey)
    parts = [
        speech.say(
            "Each row is one expression, as a mean over {window} around each point; the grey or coloured area shows "
            "where the true value probably lies.",
            window=speech.span(line.window_s),
        )
    ]
    if analysis.moments:
        parts.append(speech.say("Triangles mark the moments at which an expression rose or fell clearly."))
    if marks:
        parts.append(speech.say("Dashed lines are your markers."))
    if hidden:
        names = speech.join([speech.looks(emotion) for emotion in hidden])
        parts.append(speech.say("Hardly seen and not drawn: {names}.", names=names))
    return Figure(
        "timeline",
        speech.say("Over time"),
        _told(tracks, rows, analysis, speech),
        chart.plotly,
        " ".join(parts),
        (speech.say("Time"), *(speech.emotion(str(emotion)) for emotion in EMOTIONS)),
        _table(analysis, speech),
    )


def _row(chart: Chart, panel: int, emotion: str, track: Track, analysis: Analysis, speech: Speech) -> None:
    line = analysis.timeline
    value, low, high = ([math.nan if v is None else v for v in part] for part in (track.value, track.low, track.high))
    chart.band(panel, line.time_s, low, high, INKS[emotion], 0.3)
    hover = [
        f"{speech.clock(at)}, {speech.looks(emotion)}: {speech.points(v) if analysis.relative else speech.percent(v)}"
        for at, v in zip(line.time_s, value, strict=True)
    ]
    chart.line(panel, line.time_s, value, INKS[emotion], hover, width=2.2)
    for rises, symbol in ((True, "triangle-up"), (False, "triangle-down")):
        found = [
            moment
            for moment in analysis.moments
            if (changes := moment.rose if rises else moment.fell) and changes[0].emotion == emotion
        ]
        places = [_nearest(line.time_s, moment.time_s) for moment in found]
        if found:
            chart.dots(
                panel,
                [moment.time_s for moment in found],
                [value[i] for i in places],
                [INKS[emotion]] * len(found),
                symbol,
                [
                    f"{speech.clock(moment.time_s)}: {speech.points((moment.rose if rises else moment.fell)[0].change)}"
                    for moment in found
                ],
                size=9,
            )


def _nearest(times: Sequence[float], at: float) -> int:
    return min(range(len(times)), key=lambda i: abs(times[i] - at))


def _placed(marks: list[tuple[float, str]], duration: float) -> list[tuple[float, str, int]]:
    """Names above their lines, in two storeys; those that find no room stand in the figure of intervals."""
    free = [-math.inf, -math.inf]
    pixel = duration / 598
    placed = []
    for at, name in marks:
        text = name if len(name) <= 26 else name[:25] + "…"
        storey = next((storey for storey, end in enumerate(free) if at > end), None)
        if storey is not None:
            placed.append((at, text, storey))
            free[storey] = at + (7.2 * len(text) + 12) * pixel
    return placed


def _mean(track: Track) -> float:
    known = [abs(v) for v in track.value if v is not None]
    return sum(known) / len(known) if known else 0.0


def _told(tracks: dict[str, Track], rows: list[str], analysis: Analysis, speech: Speech) -> str:
    """The picture in words: where each of the strongest expressions had its highest value."""
    parts = []
    for emotion in rows[:4]:
        known = [
            (v, at) for v, at in zip(tracks[emotion].value, analysis.timeline.time_s, strict=True) if v is not None
        ]
        if known:
            value, at = max(known)
            text = speech.points(value) if analysis.relative else speech.percent(value)
            parts.append(
                speech.say(
                    "{expression} {value} at {time}",
                    expression=speech.looks(emotion),
                    value=text,
                    time=speech.clock(at),
                )
            )
    return speech.say("Lines over time; the highest values: {peaks}.", peaks=", ".join(parts))


def _table(analysis: Analysis, speech: Speech) -> tuple[tuple[str, ...], ...]:
    line = analysis.timeline
    every = max(1, math.ceil(len(line.time_s) / _TABLE_ROWS))
    rows = []
    for i in range(0, len(line.time_s), every):
        cells = [speech.clock(line.time_s[i])]
        for emotion in EMOTIONS:
            value = line.emotions[str(emotion)].value[i]
            cells.append("–" if value is None else speech.points(value) if analysis.relative else speech.percent(value))
        rows.append(tuple(cells))
    return tuple(rows)

"""Figures of groups compared, and of the hours of a week."""

from __future__ import annotations

import math
from collections.abc import Callable

from mimik.analytics import Comparison, Contrast, Hour, Hours
from mimik.report.charts import PEOPLE_INKS, SYMBOLS, Axis, Chart, Figure
from mimik.report.scales import Amount, share_axis
from mimik.report.speech import Speech, clean
from mimik.store.values import EMOTIONS

__all__ = ["compared", "effect_words", "group_names", "week"]

_NAMES = tuple(str(emotion) for emotion in EMOTIONS)


def group_names(comparison: Comparison) -> tuple[str, ...]:
    """The groups' names as they are shown; letters where a name is empty."""
    return tuple(clean(group.name, 40) or chr(ord("A") + i) for i, group in enumerate(comparison.groups))


def effect_words(size: str | None, speech: Speech) -> str:
    """``a large difference``; a dash where it could not be judged."""
    return {
        "negligible": speech.say("hardly any difference"),
        "small": speech.say("a small difference"),
        "medium": speech.say("a medium difference"),
        "large": speech.say("a large difference"),
    }.get(size or "", "–")


def compared(comparison: Comparison, speech: Speech, theme: str) -> tuple[Figure, ...]:
    """Each group's value by expression and, of two groups, the difference."""
    contrasts = [contrast for contrast in comparison.contrasts if contrast.name in _NAMES]
    drawn = [_groups(comparison, contrasts, speech, theme)]
    if len(comparison.groups) == 2 and any(
        contrast.difference is not None and contrast.difference.value is not None for contrast in contrasts
    ):
        drawn.append(_differences(comparison, contrasts, speech, theme))
    return tuple(drawn)


def _groups(comparison: Comparison, contrasts: list[Contrast], speech: Speech, theme: str) -> Figure:
    names = group_names(comparison)
    rows = [[Amount.of(group.value, group.low, group.high) for group in contrast.groups] for contrast in contrasts]
    axis = share_axis([value for row in rows for value in row], speech, comparison.relative)
    height = 22 + 14 * len(names)
    head = 12 + 17 * len(names)
    chart = Chart(theme, head + 48 + height * len(rows), left=105, right=24, top=head, bottom=44)
    panel = chart.panel(
        axis,
        Axis(
            -len(rows) + 0.5,
            0.5,
            tuple((float(-i), speech.emotion(contrast.name)) for i, contrast in enumerate(contrasts)),
            grid=True,
        ),
    )
    lane = 0.44 / max(1, len(names) - 1)
    for number, name in enumerate(names):
        offset = 0.22 - lane * number if len(names) > 1 else 0.0
        chart.dots(
            panel,
            [row[number].value for row in rows],
            [offset - i for i in range(len(rows))],
            [PEOPLE_INKS[number % len(PEOPLE_INKS)]] * len(rows),
            SYMBOLS[number % len(SYMBOLS)],
            [
                f"{name}, {speech.looks(contrast.name)}: {row[number].text(speech, comparison.relative)}"
                for contrast, row in zip(contrasts, rows, strict=True)
            ],
            spans=[(row[number].low, row[number].high) for row in rows],
        )
    _legend(chart, panel, names, axis)
    listed = "; ".join(
        f"{speech.looks(contrast.name)}: "
        + ", ".join(f"{name} {value.text(speech, comparison.relative)}" for name, value in zip(names, row, strict=True))
        for contrast, row in zip(contrasts, rows, strict=True)
    )
    return Figure(
        "groups",
        speech.say("Expressions by group"),
        f"{listed}.",
        chart.plotly,
        speech.say("One mark a group; the thin lines show where the true value probably lies (95 of 100 times)."),
        (speech.say("Expression"), *names),
        tuple(
            (speech.emotion(contrast.name), *(value.text(speech, comparison.relative) for value in row))
            for contrast, row in zip(contrasts, rows, strict=True)
        ),
    )


def _legend(chart: Chart, panel: int, names: tuple[str, ...], axis: Axis) -> None:
    """Signs and names above the figure, a line each: side by side they would meet on a narrow screen."""
    signs = {
        "circle": "●",
        "square": "■",
        "diamond": "◆",
        "triangle-up": "▲",
        "triangle-down": "▼",
        "cross": "✚",
        "x": "✖",
    }
    for number, name in enumerate(names):
        chart.label(
            panel,
            axis.low,
            1.0,
            f"{signs[SYMBOLS[number % len(SYMBOLS)]]} {name}",
            rise="bottom",
            paper=True,
            lift=6 + 17 * (len(names) - 1 - number),
            bold=True,
            ink=PEOPLE_INKS[number % len(PEOPLE_INKS)],
        )


def _differences(comparison: Comparison, contrasts: list[Contrast], speech: Speech, theme: str) -> Figure:
    first, second = group_names(comparison)
    found = [
        (contrast, Amount.of(contrast.difference.value, contrast.difference.low, contrast.difference.high))
        for contrast in contrasts
        if contrast.difference is not None
    ]
    axis = share_axis([value for _, value in found], speech, True)
    chart = Chart(theme, 94 + 26 * len(found), left=105, right=190, top=44, bottom=44)
    places = [float(-i) for i in range(len(found))]
    names = [speech.emotion(contrast.name) for contrast, _ in found]
    panel = chart.panel(
        Axis(axis.low, axis.high, axis.ticks, speech.say("difference in percentage points"), grid=True),
        Axis(-len(found) + 0.4, 0.6, tuple(zip(places, names, strict=True))),
    )
    chart.rule(panel, 0, dash="solid")
    for clear in (False, True):
        chosen = [(place, value) for place, (one, value) in zip(places, found, strict=True) if _clear(one) == clear]
        if chosen:
            chart.dots(
                panel,
                [value.value for _, value in chosen],
                [place for place, _ in chosen],
                [PEOPLE_INKS[0] if clear else chart.theme.paper] * len(chosen),
                SYMBOLS[0] if clear else SYMBOLS[2],
                [value.text(speech, True) for _, value in chosen],
                spans=[(value.low, value.high) for _, value in chosen],
            )
    for place, (contrast, _) in zip(places, found, strict=True):
        told = effect_words(contrast.effect_size, speech) if _clear(contrast) else speech.say("may be chance")
        chart.label(panel, axis.high, place, told, shift=8)
    shown = [name if len(name) <= 24 else name[:23] + "…" for name in (first, second)]
    chart.label(panel, axis.low, 1.0, speech.say("← more in {name}", name=shown[0]), rise="bottom", paper=True, lift=21)
    chart.label(
        panel,
        axis.high,
        1.0,
        speech.say("more in {name} →", name=shown[1]),
        anchor="right",
        rise="bottom",
        paper=True,
        lift=4,
    )
    texts = [value.text(speech, True) for _, value in found]
    return Figure(
        "differences",
        speech.say("{second} compared with {first}", first=first, second=second),
        speech.say(
            "Differences: {values}.",
            values=", ".join(f"{speech.lower(name)} {text}" for name, text in zip(names, texts, strict=True)),
        ),
        chart.plotly,
        speech.say(
            "Filled dots are differences that chance would hardly make; a line across zero means that there may be "
            "none."
        ),
        (
            speech.say("Expression"),
            speech.say("Difference"),
            speech.say("Size of the effect"),
            speech.say("p, corrected"),
            speech.say("Effect"),
        ),
        tuple(
            (
                name,
                text,
                effect_words(contrast.effect_size, speech),
                speech.number(math.nan if contrast.p_holm is None else contrast.p_holm, 3),
                speech.signed(math.nan if contrast.effect is None else contrast.effect, 2),
            )
            for name, text, (contrast, _) in zip(names, texts, found, strict=True)
        ),
    )


def _clear(contrast: Contrast) -> bool:
    return contrast.p_holm is not None and contrast.p_holm < 0.05


def week(hours: Hours, speech: Speech, theme: str) -> tuple[Figure, ...]:
    """Hours of the day against weekdays: how pleasant faces looked, how many looked happy, how busy it was."""
    if not hours.cells:
        return ()
    happy = _NAMES.index("happy")

    def pleasant(cell: Hour) -> float | None:
        return cell.valence

    def smiling(cell: Hour) -> float | None:
        return cell.shares[happy]

    def busy(cell: Hour) -> float | None:
        return cell.per_frame

    drawn = [
        _grid(
            "hours",
            speech.say("Looking happy, by hour and weekday"),
            hours,
            smiling,
            speech.percent,
            speech.say("Share of the readings that looked happy, in per cent; the stronger the colour, the more."),
            speech,
            theme,
        ),
        _grid(
            "hours-valence",
            speech.say("How pleasant faces looked, by hour and weekday"),
            hours,
            pleasant,
            lambda value: speech.signed(value, 2),
            speech.say("Valence from −1 (unpleasant) to +1 (pleasant); the stronger the colour, the more pleasant."),
            speech,
            theme,
        ),
        _grid(
            "hours-faces",
            speech.say("Faces in the picture, by hour and weekday"),
            hours,
            busy,
            lambda value: speech.number(value, 1),
            speech.say("Mean number of faces at a time; the stronger the colour, the busier."),
            speech,
            theme,
        ),
    ]
    return tuple(figure for figure in drawn if figure is not None)


def _grid(
    name: str,
    title: str,
    hours: Hours,
    measure: Callable[[Hour], float | None],
    tell: Callable[[float], str],
    note: str,
    speech: Speech,
    theme: str,
) -> Figure | None:
    known = {(cell.weekday, cell.hour): value for cell in hours.cells if (value := measure(cell)) is not None}
    if not known:
        return None
    days = sorted({day for day, _ in known})
    clock = list(range(min(hour for _, hour in known), max(hour for _, hour in known) + 1))
    values = [[known.get((day, hour), math.nan) for hour in clock] for day in days]
    texts = [
        [
            tell(value).replace(" %", "").replace("\u00a0%", "").replace("%", "") if math.isfinite(value) else ""
            for value in row
        ]
        for row in values
    ]
    hover = [
        [
            f"{speech.weekday(day)}, {speech.hour(hour)}: {tell(value)}" if math.isfinite(value) else ""
            for hour, value in zip(clock, row, strict=True)
        ]
        for day, row in zip(days, values, strict=True)
    ]
    ranked = sorted(known.items(), key=lambda item: item[1])
    low, high = ranked[0], ranked[-1]
    # Darkness runs from the lowest value to the highest, for valence may be below zero everywhere.
    floor = min(0.0, low[1])
    spread = (high[1] - floor) or 1.0
    shades = [[(value - floor) / spread for value in row] for row in values]
    chart = Chart(theme, 62 + 32 * len(days), left=96, right=14, top=6, bottom=44)
    places = [float(-i) for i in range(len(days))]
    every = 1 if len(clock) <= 14 else 2
    panel = chart.panel(
        Axis(
            -0.5,
            len(clock) - 0.5,
            tuple((float(i), f"{hour:02d}") for i, hour in enumerate(clock) if i % every == 0),
            speech.say("hour of the day"),
        ),
        Axis(
            -len(days) + 0.5, 0.5, tuple((place, speech.weekday(day)) for place, day in zip(places, days, strict=True))
        ),
    )
    chart.cells(panel, shades, [float(i) for i in range(len(clock))], places, texts, hover, full=1.0)

    def place(cell: tuple[tuple[int, int], float]) -> str:
        (day, hour), value = cell
        return f"{speech.weekday(day)}, {speech.hour(hour)} ({tell(value)})"

    return Figure(
        name,
        title,
        speech.say("Highest: {highest}; lowest: {lowest}.", highest=place(high), lowest=place(low)),
        chart.plotly,
        note,
        (speech.say("Weekday"), *(speech.hour(hour) for hour in clock)),
        tuple(
            (speech.weekday(day), *(tell(value) if math.isfinite(value) else "–" for value in row))
            for day, row in zip(days, values, strict=True)
        ),
    )

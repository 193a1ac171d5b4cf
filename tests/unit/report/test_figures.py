"""The structure of figures; how they look is looked at, not tested."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import Any

import pytest

from mimik.analytics import Analysis, Comparison, Hours
from mimik.report import Figure, figures
from mimik.report.charts import THEMES
from mimik.words import EMOTION_COLOURS
from tests.unit.report.lessons import HOSTILE, groups, lesson, relative, tiny, week

EVERY = [lesson, relative, tiny, lambda: tiny(0), groups, lambda: groups(2, seconds=30), week]
NAMES = ["lesson", "relative", "tiny", "empty", "groups", "thin", "week"]


def named(result: Analysis | Comparison | Hours, name: str, language: str = "en") -> Figure:
    return next(figure for figure in figures(result, language) if figure.name == name)


def test_a_lesson_has_every_figure_in_order() -> None:
    assert [figure.name for figure in figures(lesson(), "en")] == [
        "shares",
        "coverage",
        "timeline",
        "intervals",
        "people",
        "ages",
        "path",
        "dwell",
        "transitions",
        "synchrony",
    ]


@pytest.mark.parametrize("make", EVERY, ids=NAMES)
@pytest.mark.parametrize("language", ["en", "tr"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_are_plain_values_with_words_and_tables(make: Any, language: str, theme: str) -> None:
    for figure in figures(make(), language, theme):
        assert [field.name for field in fields(figure)][:4] == ["name", "title", "alt", "plotly"]
        assert set(figure.plotly) == {"data", "layout"}
        text = json.dumps(figure.plotly, allow_nan=False)
        assert "http" not in text
        assert figure.title
        assert len(figure.alt) > 10
        assert not re.search(r"[{}]|\bnan\b|None", figure.alt + figure.note)
        assert figure.rows
        assert all(len(row) == len(figure.columns) for row in figure.rows)


def test_colours_are_the_emotions_and_names_stand_beside() -> None:
    figure = named(lesson(), "shares")
    (bars,) = figure.plotly["data"]
    names = figure.plotly["layout"]["yaxis"]["ticktext"]
    keys = {"Angry": "angry", "Disgusted": "disgust", "Afraid": "fear", "Happy": "happy", "Sad": "sad"}
    keys |= {"Surprised": "surprise", "Neutral": "neutral"}
    assert bars["marker"]["color"] == [EMOTION_COLOURS[keys[name]] for name in names]
    assert set(names) == set(keys)


def luminance(ink: str) -> float:
    """Relative luminance by WCAG 2."""
    parts = [int(ink[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_dots_of_the_path_stand_out_more_the_later(theme: str) -> None:
    figure = next(figure for figure in figures(lesson(), "en", theme) if figure.name == "path")
    (inks,) = (mark["marker"]["color"] for mark in figure.plotly["data"] if len(mark.get("hovertext", ())) > 2)
    paper = luminance(THEMES[theme].paper)
    contrasts = [(max(paper, luminance(ink)) + 0.05) / (min(paper, luminance(ink)) + 0.05) for ink in inks]
    assert contrasts == sorted(contrasts)
    assert contrasts[0] > 1.2
    assert contrasts[-1] > 7


def test_bars_and_intervals_are_those_of_the_analysis() -> None:
    analysis = lesson()
    (bars,) = named(analysis, "shares").plotly["data"]
    shares = sorted(analysis.overall.emotions, key=lambda share: -(share.share or 0))
    assert bars["x"] == pytest.approx([share.share for share in shares])
    ends = [x + more for x, more in zip(bars["x"], bars["error_x"]["array"], strict=True)]
    assert ends == pytest.approx([share.high or 0 for share in shares])


def test_what_was_never_seen_is_called_so_without_an_interval() -> None:
    analysis = lesson()
    figure = named(analysis, "shares")
    never = [share.emotion for share in analysis.overall.emotions if share.share == 0]
    assert never
    (bars,) = figure.plotly["data"]
    assert [more for x, more in zip(bars["x"], bars["error_x"]["array"], strict=True) if not x] == [0] * len(never)
    assert figure.alt.count("not seen") == len(never)
    assert figure.note.endswith("What was not seen in this time may still come in another.")
    assert "görülmedi" in named(analysis, "shares", "tr").alt


def test_the_timeline_has_bands_markers_and_gaps() -> None:
    analysis = lesson()
    figure = named(analysis, "timeline")
    layout = figure.plotly["layout"]
    spans = [interval.span for interval in analysis.intervals if interval.span.label]
    assert [shape["x0"] for shape in layout["shapes"]] == [span.start_s for span in spans]
    assert {span.label for span in spans} <= {note["text"] for note in layout["annotations"]}
    lines = [trace for trace in figure.plotly["data"] if trace["type"] == "scatter" and trace.get("fill") is None]
    assert any(None in trace["y"] for trace in lines), "the pause is no gap"
    assert sum(trace.get("fill") == "toself" for trace in figure.plotly["data"]) >= 3
    assert {trace["marker"]["symbol"] for trace in lines if trace["mode"] == "markers"} == {
        "triangle-up",
        "triangle-down",
    }


def test_small_multiples_share_one_scale() -> None:
    for name, rows in (("people", 5), ("intervals", 5), ("ages", 2)):
        figure = named(lesson(), name)
        layout = figure.plotly["layout"]
        ranges = {tuple(axis["range"]) for key, axis in layout.items() if key.startswith("xaxis")}
        assert len(ranges) == 1
        assert len(figure.rows) == rows


def test_groups_have_marks_of_their_own() -> None:
    figure = named(groups(names=("A", "B", "C")), "groups")
    symbols = [trace["marker"]["symbol"] for trace in figure.plotly["data"]]
    assert len(set(symbols)) == 3
    assert [figure.name for figure in figures(groups(names=("A", "B", "C")), "en")] == ["groups"]
    assert [figure.name for figure in figures(groups(), "en")] == ["groups", "differences"]


def test_a_week_leaves_hours_without_frames_empty() -> None:
    (cells,) = named(week(), "hours").plotly["data"]
    assert len(cells["z"]) == 6
    assert [value is None for value in cells["z"][0]] == [hour not in (9, 11, 14, 17) for hour in range(9, 18)]


def test_what_plotly_reads_as_markup_is_escaped() -> None:
    for figure in figures(lesson((HOSTILE, "<b>b</b>", "c", "d")), "en"):
        text = json.dumps(figure.plotly, ensure_ascii=False).replace("<b>", "", 20)
        assert "<img" not in text
        assert "</script" not in text
        assert "\u202e" not in text


def test_turkish_figures_are_turkish() -> None:
    told = " ".join(f"{figure.title} {figure.alt} {figure.note}" for figure in figures(lesson(), "tr"))
    assert not re.search(r"\b(the|of|with|time|read)\b", told)
    assert "Mutlu" in str(named(lesson(), "shares", "tr").plotly["layout"]["yaxis"]["ticktext"])


def test_an_unknown_theme_or_language_is_refused() -> None:
    with pytest.raises(KeyError):
        figures(lesson(), "en", "sepia")
    with pytest.raises(ValueError, match="language"):
        figures(lesson(), "de")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_numbers_in_a_heat_map_are_legible_on_every_cell(theme: str) -> None:
    """4.5 to 1, as WCAG asks of small text."""
    maps = [
        trace
        for figure in (*figures(week(), "en", theme), *figures(lesson(), "en", theme))
        for trace in figure.plotly["data"]
        if trace["type"] == "heatmap"
    ]
    assert maps
    for trace in maps:
        empty, full = (_rgb(stop[1]) for stop in trace["colorscale"])
        for part in (value / 20 for value in range(21)):
            cell = tuple(a + (b - a) * part for a, b in zip(empty, full, strict=True))
            bright, dim = sorted((_luminance(cell), _luminance(_rgb(trace["textfont"]["color"]))), reverse=True)
            assert (bright + 0.05) / (dim + 0.05) >= 4.5, part


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))


def _luminance(colour: tuple[float, ...]) -> float:
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

"""The parts that figures are drawn of: a subset of Plotly, which the browser and `mimik.report.drawing` both draw.

Every axis has its range, ticks and tick texts spelt out, so that nothing is left to the drawer's own language or taste.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mimik.report.speech import clean
from mimik.words import EMOTION_COLOURS

__all__ = ["INKS", "PEOPLE_INKS", "SYMBOLS", "THEMES", "Axis", "Chart", "Figure", "Theme"]

INKS = EMOTION_COLOURS
"""One colour an emotion; never the only sign."""

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x")
"""Marks for people and groups, in order; they begin again after the last."""

PEOPLE_INKS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8A6D00", "#56B4E9", "#6A6A6A")
"""Colours for people and groups, in order; dark enough for thin lines on white."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of a figure besides the emotions'.

    Attributes:
        ink: text.
        soft: lesser text and rules.
        grid: grid lines.
        full: the strongest cell of a heat map; `ink` is read well on it, on `empty` and on all between.
        empty: its weakest.
        paper: what lies behind the figure, for marks that are to look hollow.
        early: the first of marks that follow each other in time …
        late: … and the last, which stands out most.
    """

    ink: str
    soft: str
    grid: str
    full: str
    empty: str
    paper: str
    early: str
    late: str


THEMES = {
    "light": Theme("#1a1a1a", "#595959", "#e2e2e2", "#6ea6dc", "#f3f6fa", "#ffffff", "#d6e4f0", "#08306b"),
    "dark": Theme("#e9e9e9", "#b4b4b4", "#3c4046", "#33699c", "#20262e", "#1b2226", "#23405c", "#d3e9ff"),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that a browser, a reader of tables or somebody who hears it read out can all use.

    Attributes:
        name: what it is, for programs: ``shares``, ``timeline``, …
        title: what it is, for people.
        alt: what it shows, in words.
        plotly: ``{"data": […], "layout": {…}}``, plain values alone.
        note: how to read it; may be empty.
        columns: heads of the table behind it.
        rows: that table, each cell as text.
    """

    name: str
    title: str
    alt: str
    plotly: dict[str, Any]
    note: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a panel.

    Attributes:
        low: where it begins; may be more than `high`, for an axis that runs the other way.
        high: where it ends.
        ticks: (value, text) pairs.
        title: what it measures.
        domain: the part of the figure that it takes, 0–1.
        grid: whether lines run through the ticks.
    """

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...] = ()
    title: str = ""
    domain: tuple[float, float] = (0.0, 1.0)
    grid: bool = False


class Chart:
    """A figure in the making.

    Args:
        theme: a key of `THEMES`.
        height: pixels.
        left, right, top, bottom: margins in pixels.
        zoom: whether dragging zooms into the horizontal axis, the same for all panels.
    """

    def __init__(
        self,
        theme: str,
        height: int,
        *,
        left: int = 60,
        right: int = 20,
        top: int = 10,
        bottom: int = 40,
        zoom: bool = False,
    ) -> None:
        self.theme = THEMES[theme]
        self._data: list[dict[str, Any]] = []
        self._shapes: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._axes: dict[str, Any] = {}
        self._panels = 0
        self._zoom = zoom
        self._layout = {
            "height": height,
            "margin": {"l": left, "r": right, "t": top, "b": bottom},
            "showlegend": False,
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"size": 13, "color": self.theme.ink, "family": "DejaVu Sans, system-ui, sans-serif"},
            "hovermode": "closest",
            "dragmode": "zoom" if zoom else False,
        }

    @property
    def plotly(self) -> dict[str, Any]:
        """The figure made so far."""
        layout = self._layout | self._axes | {"shapes": self._shapes, "annotations": self._annotations}
        return {"data": self._data, "layout": layout}

    def panel(self, x: Axis, y: Axis) -> int:
        """Another pair of axes; its number is what the other methods take first."""
        self._panels += 1
        number = "" if self._panels == 1 else str(self._panels)
        for letter, other, axis in (("x", "y", x), ("y", "x", y)):
            self._axes[f"{letter}axis{number}"] = {
                "anchor": f"{other}{number}",
                "domain": list(axis.domain),
                "range": [axis.low, axis.high],
                "tickmode": "array",
                "tickvals": [value for value, _ in axis.ticks],
                "ticktext": [_plain(text) for _, text in axis.ticks],
                "title": {"text": axis.title, "font": {"size": 12, "color": self.theme.soft}, "standoff": 6},
                "showgrid": axis.grid,
                "gridcolor": self.theme.grid,
                "zeroline": False,
                "fixedrange": letter == "y" or not self._zoom,
                **({"matches": "x"} if self._zoom and letter == "x" and number else {}),
                "ticklabelstandoff": 4,
            }
        return self._panels

    def bars(
        self,
        panel: int,
        lengths: Sequence[float],
        places: Sequence[float],
        inks: Sequence[str],
        hover: Sequence[str],
        *,
        spans: Sequence[tuple[float, float]] = (),
        width: float = 0.68,
    ) -> None:
        """Lying bars from zero; `spans` are (low, high) of the intervals, NaN where one has none."""
        self._add(
            panel,
            type="bar",
            orientation="h",
            x=_values(lengths),
            y=_values(places),
            width=width,
            marker={"color": list(inks), "line": {"color": self.theme.ink, "width": 0.8}},
            hovertext=[_plain(text) for text in hover],
            hoverinfo="text",
            **({"error_x": self._errors(lengths, spans)} if spans else {}),
        )

    def dots(
        self,
        panel: int,
        x: Sequence[float],
        y: Sequence[float],
        inks: Sequence[str],
        symbol: str,
        hover: Sequence[str],
        *,
        spans: Sequence[tuple[float, float]] = (),
        size: int = 10,
    ) -> None:
        """Marks, with lying intervals where `spans` are given."""
        self._add(
            panel,
            type="scatter",
            mode="markers",
            cliponaxis=False,
            x=_values(x),
            y=_values(y),
            marker={
                "color": list(inks),
                "symbol": symbol,
                "size": size,
                "line": {"color": self.theme.ink, "width": 0.8},
            },
            hovertext=[_plain(text) for text in hover],
            hoverinfo="text",
            **({"error_x": self._errors(x, spans)} if spans else {}),
        )

    def line(
        self,
        panel: int,
        x: Sequence[float],
        y: Sequence[float],
        ink: str,
        hover: Sequence[str] = (),
        *,
        dash: str = "solid",
        width: float = 2.0,
    ) -> None:
        """A line, broken where a value is NaN; a reading that stands alone is a dot."""
        values = _values(y)
        before, after = [None, *values[:-1]], [*values[1:], None]
        alone = [
            value is not None and b is None and a is None for value, b, a in zip(values, before, after, strict=True)
        ]
        self._add(
            panel,
            type="scatter",
            mode="lines+markers" if any(alone) else "lines",
            x=_values(x),
            y=values,
            line={"color": ink, "dash": dash, "width": width},
            connectgaps=False,
            **({"marker": {"size": [5 if one else 0 for one in alone], "color": ink}} if any(alone) else {}),
            **(
                {"hovertext": [_plain(text) for text in hover], "hoverinfo": "text"} if hover else {"hoverinfo": "skip"}
            ),
        )

    def band(
        self, panel: int, x: Sequence[float], low: Sequence[float], high: Sequence[float], ink: str, strength: float
    ) -> None:
        """The area between two lines, in pieces where either is NaN."""
        across: list[float | None] = []
        along: list[float | None] = []
        for run in _runs(low, high):
            across += [*(float(x[i]) for i in run), *(float(x[i]) for i in reversed(run)), float(x[run[0]]), None]
            along += [
                *(float(high[i]) for i in run),
                *(float(low[i]) for i in reversed(run)),
                float(high[run[0]]),
                None,
            ]
        if across:
            red, green, blue = (int(ink[i : i + 2], 16) for i in (1, 3, 5))
            self._add(
                panel,
                type="scatter",
                mode="lines",
                x=across[:-1],
                y=along[:-1],
                line={"width": 0, "color": ink, "dash": "solid"},
                fill="toself",
                fillcolor=f"rgba({red},{green},{blue},{strength})",
                hoverinfo="skip",
            )

    def cells(
        self,
        panel: int,
        values: Sequence[Sequence[float]],
        x: Sequence[float],
        y: Sequence[float],
        texts: Sequence[Sequence[str]],
        hover: Sequence[Sequence[str]],
        *,
        full: float,
    ) -> None:
        """A heat map, strongest where a value reaches `full`; each cell has its text on it."""
        self._add(
            panel,
            type="heatmap",
            z=[_values(row) for row in values],
            x=_values(x),
            y=_values(y),
            zmin=0,
            zmax=full,
            colorscale=[[0, self.theme.empty], [1, self.theme.full]],
            showscale=False,
            xgap=1,
            ygap=1,
            text=[[_plain(text) for text in row] for row in texts],
            texttemplate="%{text}",
            textfont={"size": 12, "color": self.theme.ink},
            hovertext=[[_plain(text) for text in row] for row in hover],
            hoverinfo="text",
        )

    def rule(self, panel: int, at: float, *, dash: str = "dash", whole: bool = True) -> None:
        """An upright line: through the whole figure, or through its panel alone."""
        number = "" if panel == 1 else str(panel)
        self._shapes.append(
            {
                "type": "line",
                "xref": f"x{number}",
                "yref": "paper" if whole else f"y{number} domain",
                "x0": at,
                "x1": at,
                "y0": 0,
                "y1": 1,
                "line": {"color": self.theme.soft, "width": 1, "dash": dash},
            }
        )

    def label(
        self,
        panel: int,
        x: float,
        y: float,
        text: str,
        *,
        anchor: str = "left",
        rise: str = "middle",
        ink: str | None = None,
        size: int = 12,
        shift: float = 0,
        lift: float = 0,
        paper: bool = False,
        bold: bool = False,
    ) -> None:
        """A text: `paper` says that `y` is a part of the figure's height, 0–1, instead of a value."""
        number = "" if panel == 1 else str(panel)
        plain = _plain(text)
        self._annotations.append(
            {
                "xref": f"x{number}",
                "yref": "paper" if paper else f"y{number}",
                "x": x,
                "y": y,
                "text": f"<b>{plain}</b>" if bold else plain,
                "showarrow": False,
                "xanchor": anchor,
                "yanchor": rise,
                "xshift": shift,
                "yshift": lift,
                "font": {"size": size, "color": ink or self.theme.ink},
            }
        )

    def _add(self, panel: int, **trace: Any) -> None:
        number = "" if panel == 1 else str(panel)
        self._data.append({**trace, "xaxis": f"x{number}", "yaxis": f"y{number}", "showlegend": False})

    def _errors(self, values: Sequence[float], spans: Sequence[tuple[float, float]]) -> dict[str, Any]:
        pairs = list(zip(values, spans, strict=True))
        return {
            "type": "data",
            "symmetric": False,
            "array": [max(0.0, high - value) if math.isfinite(high) else 0.0 for value, (_, high) in pairs],
            "arrayminus": [max(0.0, value - low) if math.isfinite(low) else 0.0 for value, (low, _) in pairs],
            "color": self.theme.ink,
            "thickness": 1.4,
            "width": 4,
        }


def _runs(low: Sequence[float], high: Sequence[float]) -> Iterable[list[int]]:
    run: list[int] = []
    for i, (one, other) in enumerate(zip(low, high, strict=True)):
        if math.isfinite(one) and math.isfinite(other):
            run.append(i)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _values(values: Iterable[float]) -> list[float | None]:
    """Plain floats, None where JSON has no number."""
    return [float(value) if math.isfinite(value) else None for value in values]


def _plain(text: str) -> str:
    """A text that Plotly sets as it is: its pseudo-HTML is no business of a user's words."""
    return html.escape(clean(text), quote=False)

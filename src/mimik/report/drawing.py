"""Draws the figures of `mimik.report.charts` into a PDF as lines, areas and letters, without a browser."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any, Protocol

__all__ = ["PIXELS", "Sheet", "draw", "height_mm"]

PIXELS = 840
"""The width of a drawn figure in the pixels of its layout."""

_POINT_MM = 25.4 / 72

# Lengths of line and gap in millimetres.
_DASHES = {"solid": (0.0, 0.0), "dash": (1.8, 1.0), "dot": (0.4, 0.8)}

_CORNERS: dict[str, tuple[tuple[float, float], ...]] = {
    "square": ((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)),
    "diamond": ((0, -1.1), (1.1, 0), (0, 1.1), (-1.1, 0)),
    "triangle-up": ((0, -1), (1, 0.8), (-1, 0.8)),
    "triangle-down": ((0, 1), (1, -0.8), (-1, -0.8)),
    "cross": (
        (-0.35, -1), (0.35, -1), (0.35, -0.35), (1, -0.35), (1, 0.35), (0.35, 0.35),
        (0.35, 1), (-0.35, 1), (-0.35, 0.35), (-1, 0.35), (-1, -0.35), (-0.35, -0.35),
    ),
    "x": (
        (-1, -0.6), (-0.6, -1), (0, -0.4), (0.6, -1), (1, -0.6), (0.4, 0),
        (1, 0.6), (0.6, 1), (0, 0.4), (-0.6, 1), (-1, 0.6), (-0.4, 0),
    ),
}  # fmt: skip


class Sheet(Protocol):
    """What drawing asks of a PDF: a page to draw on, and texts whose letters its font has."""

    pdf: Any

    def safe(self, text: str) -> str:
        """The text with a sign in place of what the font lacks."""
        ...


def height_mm(plotly: dict[str, Any], width: float) -> float:
    """How high a figure becomes that is so many millimetres wide."""
    return float(plotly["layout"]["height"]) * width / PIXELS


def draw(sheet: Sheet, plotly: dict[str, Any], left: float, top: float, width: float) -> None:
    """Draw a figure with its upper left corner at (`left`, `top`), all in millimetres."""
    _Drawing(sheet, plotly, left, top, width).run()


class _Drawing:
    def __init__(self, sheet: Sheet, plotly: dict[str, Any], left: float, top: float, width: float) -> None:
        self.sheet, self.pdf = sheet, sheet.pdf
        self.data, self.layout = plotly["data"], plotly["layout"]
        self.scale = width / PIXELS
        margin = self.layout["margin"]
        self.left: float = left + margin["l"] * self.scale
        self.right: float = left + width - margin["r"] * self.scale
        self.top: float = top + margin["t"] * self.scale
        self.bottom: float = top + (self.layout["height"] - margin["b"]) * self.scale

    def run(self) -> None:
        panels = sorted(name.removeprefix("xaxis") for name in self.layout if name.startswith("xaxis"))
        for number in panels:
            self._grid(number)
        for trace in self.data:
            getattr(self, f"_{trace['type']}")(trace)
        for shape in self.layout["shapes"]:
            self._rule(shape)
        for number in panels:
            self._ticks(number)
        for note in self.layout["annotations"]:
            self._note(note)

    # Places -----------------------------------------------------------------------------------------------------

    def _frame(self, number: str) -> tuple[float, float, float, float]:
        x, y = self.layout[f"xaxis{number}"]["domain"], self.layout[f"yaxis{number}"]["domain"]
        width, height = self.right - self.left, self.bottom - self.top
        return (
            self.left + x[0] * width,
            self.bottom - y[1] * height,
            self.left + x[1] * width,
            self.bottom - y[0] * height,
        )

    def _range(self, axis: str) -> tuple[float, float]:
        low, high = self.layout[axis]["range"]
        return float(low), float(high)

    def _x(self, axis: str, value: float) -> float:
        number = axis.removeprefix("x")
        left, _, right, _ = self._frame(number)
        low, high = self._range(f"xaxis{number}")
        return left + (value - low) / (high - low) * (right - left)

    def _y(self, axis: str, value: float) -> float:
        if axis == "paper":
            return self.bottom - value * (self.bottom - self.top)
        if axis.endswith(" domain"):
            _, upper, _, lower = self._frame(axis.removesuffix(" domain").removeprefix("y"))
            return lower - value * (lower - upper)
        number = axis.removeprefix("y")
        _, upper, _, lower = self._frame(number)
        low, high = self._range(f"yaxis{number}")
        return lower - (value - low) / (high - low) * (lower - upper)

    # Parts ------------------------------------------------------------------------------------------------------

    def _grid(self, number: str) -> None:
        left, upper, right, lower = self._frame(number)
        for letter in ("x", "y"):
            axis = self.layout[f"{letter}axis{number}"]
            if axis["showgrid"]:
                self._stroke(axis["gridcolor"], 0.15)
                for value in axis["tickvals"]:
                    if letter == "x":
                        at = self._x(f"x{number}", value)
                        self.pdf.line(at, upper, at, lower)
                    else:
                        at = self._y(f"y{number}", value)
                        self.pdf.line(left, at, right, at)

    def _ticks(self, number: str) -> None:
        left, upper, right, lower = self._frame(number)
        ink, soft = self.layout["font"]["color"], self.layout[f"xaxis{number}"]["title"]["font"]["color"]
        gap = 6 * self.scale
        across, along = self.layout[f"xaxis{number}"], self.layout[f"yaxis{number}"]
        for value, text in zip(across["tickvals"], across["ticktext"], strict=True):
            self._text(text, self._x(f"x{number}", value), lower + gap, "center", "top", 12, ink)
        for value, text in zip(along["tickvals"], along["ticktext"], strict=True):
            self._text(text, left - gap, self._y(f"y{number}", value), "right", "middle", 12, ink)
        below = gap + (18 * self.scale if any(across["ticktext"]) else 0)
        self._text(across["title"]["text"], (left + right) / 2, lower + below, "center", "top", 12, soft)
        if title := along["title"]["text"]:
            at = self.left - 44 * self.scale
            with self.pdf.rotation(90, at, (upper + lower) / 2):
                self._text(title, at, (upper + lower) / 2, "center", "bottom", 12, soft)

    def _bar(self, trace: dict[str, Any]) -> None:
        zero = self._x(trace["xaxis"], 0)
        line = trace["marker"]["line"]
        for length, place, ink in zip(trace["x"], trace["y"], trace["marker"]["color"], strict=True):
            if length is not None:
                end = self._x(trace["xaxis"], length)
                edges = [self._y(trace["yaxis"], place + half * trace["width"] / 2) for half in (-1, 1)]
                self._stroke(line["color"], 0.15)
                self._fill(ink)
                self.pdf.rect(min(zero, end), min(edges), abs(end - zero), abs(edges[1] - edges[0]), style="FD")
        self._errors(trace)

    def _errors(self, trace: dict[str, Any]) -> None:
        if errors := trace.get("error_x"):
            self._stroke(errors["color"], 0.3)
            cap = errors["width"] * self.scale
            pairs = zip(trace["x"], trace["y"], errors["arrayminus"], errors["array"], strict=True)
            for x, y, less, more in pairs:
                if x is None or y is None or not (less or more):
                    continue
                at = self._y(trace["yaxis"], y)
                low, high = self._x(trace["xaxis"], x - less), self._x(trace["xaxis"], x + more)
                self.pdf.line(low, at, high, at)
                self.pdf.line(low, at - cap, low, at + cap)
                self.pdf.line(high, at - cap, high, at + cap)

    def _scatter(self, trace: dict[str, Any]) -> None:
        points = [
            None if x is None or y is None else (self._x(trace["xaxis"], x), self._y(trace["yaxis"], y))
            for x, y in zip(trace["x"], trace["y"], strict=True)
        ]
        if trace.get("fill") == "toself":
            red, green, blue, strength = (float(part) for part in trace["fillcolor"][5:-1].split(","))
            self.pdf.set_fill_color(int(red), int(green), int(blue))
            with self.pdf.local_context(fill_opacity=strength):
                for run in _pieces(points):
                    self.pdf.polygon(run, style="F")
            return
        if "lines" in trace["mode"]:
            self._stroke(trace["line"]["color"], trace["line"]["width"] * self.scale, trace["line"]["dash"])
            for run in _pieces(points):
                if len(run) > 1:
                    self.pdf.polyline(run)
            self.pdf.set_dash_pattern()
        if "markers" in trace["mode"]:
            self._errors(trace)
            marker = trace["marker"]
            sizes = marker["size"] if isinstance(marker["size"], list) else [marker["size"]] * len(points)
            inks = marker["color"] if isinstance(marker["color"], list) else [marker["color"]] * len(points)
            edge = marker.get("line", {"color": self.layout["font"]["color"]})["color"]
            for point, size, ink in zip(points, sizes, inks, strict=True):
                if point is not None and size:
                    self._mark(point, size / 2 * self.scale, ink, marker.get("symbol", "circle"), edge)

    def _mark(self, point: tuple[float, float], half: float, ink: str, symbol: str, edge: str) -> None:
        x, y = point
        self._stroke(edge, 0.15)
        self._fill(ink)
        if symbol in _CORNERS:
            self.pdf.polygon([(x + across * half, y + along * half) for across, along in _CORNERS[symbol]], style="FD")
        else:
            self.pdf.ellipse(x - half, y - half, 2 * half, 2 * half, style="FD")

    def _heatmap(self, trace: dict[str, Any]) -> None:
        empty, full = (stop[1] for stop in trace["colorscale"])
        halves = [_step(trace["x"]) / 2, _step(trace["y"]) / 2]
        for y, values, texts in zip(trace["y"], trace["z"], trace["text"], strict=True):
            for x, value, text in zip(trace["x"], values, texts, strict=True):
                if value is None:
                    continue
                part = min(1.0, max(0.0, (value - trace["zmin"]) / ((trace["zmax"] - trace["zmin"]) or 1)))
                ink = tuple(round(a + (b - a) * part) for a, b in zip(_rgb(empty), _rgb(full), strict=True))
                across = sorted(self._x(trace["xaxis"], x + half * halves[0]) for half in (-1, 1))
                along = sorted(self._y(trace["yaxis"], y + half * halves[1]) for half in (-1, 1))
                self.pdf.set_fill_color(*ink)
                self.pdf.rect(
                    across[0] + 0.1, along[0] + 0.1, across[1] - across[0] - 0.2, along[1] - along[0] - 0.2, "F"
                )
                light = 0.299 * ink[0] + 0.587 * ink[1] + 0.114 * ink[2] > 140
                self._text(
                    text, sum(across) / 2, sum(along) / 2, "center", "middle", 12, "#000000" if light else "#ffffff"
                )

    def _rule(self, shape: dict[str, Any]) -> None:
        self._stroke(shape["line"]["color"], 0.2, shape["line"]["dash"])
        ends = [self._y(shape["yref"], shape[end]) for end in ("y0", "y1")]
        at = self._x(shape["xref"], shape["x0"])
        self.pdf.line(at, ends[0], at, ends[1])
        self.pdf.set_dash_pattern()

    def _note(self, note: dict[str, Any]) -> None:
        x = self._x(note["xref"], note["x"]) + note["xshift"] * self.scale
        y = self._y(note["yref"], note["y"]) - note["yshift"] * self.scale
        self._text(note["text"], x, y, note["xanchor"], note["yanchor"], note["font"]["size"], note["font"]["color"])

    # Ink --------------------------------------------------------------------------------------------------------

    def _text(self, text: str, x: float, y: float, anchor: str, rise: str, pixels: float, ink: str) -> None:
        plain = self.sheet.safe(html.unescape(re.sub(r"</?b>", "", text)))
        if not plain:
            return
        size = pixels * self.scale
        self.pdf.set_font("DejaVu", "B" if text.startswith("<b>") else "", size / _POINT_MM)
        width = self.pdf.get_string_width(plain)
        left = x - {"left": 0.0, "center": width / 2, "right": width}[anchor]
        # The letters' x-height stands for their middle, their capitals for their top.
        base = y + {"top": 0.76, "middle": 0.36, "bottom": -0.24}[rise] * size
        self.pdf.set_text_color(*_rgb(ink))
        self.pdf.text(left, base, plain)

    def _stroke(self, ink: str, width: float, dash: str = "solid") -> None:
        self.pdf.set_draw_color(*_rgb(ink))
        self.pdf.set_line_width(width)
        self.pdf.set_dash_pattern(*_DASHES[dash])

    def _fill(self, ink: str) -> None:
        self.pdf.set_fill_color(*_rgb(ink))


def _rgb(ink: str) -> tuple[int, int, int]:
    return int(ink[1:3], 16), int(ink[3:5], 16), int(ink[5:7], 16)


def _step(places: Sequence[float]) -> float:
    return abs(places[1] - places[0]) if len(places) > 1 else 1.0


def _pieces(points: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    pieces: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point is not None:
            pieces[-1].append(point)
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]

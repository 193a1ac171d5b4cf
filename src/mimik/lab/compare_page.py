"""The table and the page of a comparison, in either language."""

import json
from pathlib import Path
from typing import Any

from mimik.lab.compare import Comparison
from mimik.lab.page import Page
from mimik.types import Emotion
from mimik.words import emotion_name, numeral, per_cent, translate

__all__ = ["difference_rows", "run_rows", "write_comparison"]

_COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#8A8A8A",
    "#A0522D",
    "#6A5ACD",
    "#2F4F4F",
)
_DASHES = ("solid", "dash", "dot", "dashdot")


def run_rows(values: dict[str, Any], language: str) -> tuple[list[str], list[list[str]]]:
    """The table of runs: headings and rows."""
    headings = (
        "Run",
        "Accuracy",
        "95 % interval",
        "Without twins",
        "Macro F1",
        "FER+",
        "Likelihood loss",
        "Multiply-adds",
        "Parameters",
        "Epochs",
        "Hours",
    )

    def number(value: float | None, form: str) -> str:
        return "–" if value is None else numeral(value, form, language)

    rows = [
        [
            one["run"],
            per_cent(one["accuracy"], language),
            f"{per_cent(one['interval'][0], language)} – {per_cent(one['interval'][1], language)}",
            per_cent(one["accuracy_without_twins"], language),
            number(one["macro_f1"], ".3f"),
            per_cent(one["ferplus_accuracy"], language),
            number(one["nll"], ".3f"),
            "–" if one["multiply_adds"] is None else f"{number(one['multiply_adds'] / 1e6, ',.1f')} M",
            "–" if one["parameters"] is None else f"{number(one['parameters'] / 1e6, ',.2f')} M",
            number(one["epochs"], ","),
            number(one["hours"], ".2f"),
        ]
        for one in values["runs"]
    ]
    return [translate(heading, language) for heading in headings], rows


def difference_rows(values: dict[str, Any], language: str) -> tuple[list[str], list[list[str]]]:
    """The table of differences from the reference: headings and rows; empty where there is one run."""
    headings = ("Run", "Difference, points", "95 % interval", "Gained", "Lost", "p (McNemar)", "p, Holm")
    rows = [
        [
            one["run"],
            _points(one["difference"], language),
            f"{_points(one['interval'][0], language)} … {_points(one['interval'][1], language)}",
            numeral(one["gained"], ",", language),
            numeral(one["lost"], ",", language),
            _p(one["p"], language),
            _p(one["p_holm"], language),
        ]
        for one in values["differences"]
    ]
    return [translate(heading, language) for heading in headings], rows


def _points(share: float, language: str) -> str:
    return numeral(100 * share, "+.1f", language).replace("-", "−")


def _p(value: float, language: str) -> str:
    return f"< {numeral(0.001, '.3f', language)}" if value < 0.001 else numeral(value, ".3f", language)


def write_comparison(comparison: Comparison, folder: Path, language: str) -> tuple[Path, ...]:
    """Write ``compare.html`` and ``compare.json`` into a folder.

    Returns:
        The files.

    Raises:
        OSError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page, values = folder / "compare.html", folder / "compare.json"
    values.write_text(json.dumps(comparison.values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    _Builder(comparison, language).page().write(page)
    return page, values


class _Builder:
    """Makes the page of one comparison."""

    def __init__(self, comparison: Comparison, language: str) -> None:
        self.comparison, self.language = comparison, language
        self.values = comparison.values

    def text(self, text: str, /, **values: object) -> str:
        return translate(text, self.language, **values)

    def page(self) -> Page:
        names = self.comparison.names
        page = Page(self.text("Comparison of {count} runs", count=len(names)), self.language)
        page.paragraph(
            self.text(
                "Judged on {split}: {faces} faces, each read once as it is. Intervals are 95 %. Runs that were "
                "chosen by these figures look better here than they will elsewhere.",
                split=self.values["split"],
                faces=numeral(self.values["faces"], ",", self.language),
            ),
            quiet=True,
        )
        page.table(*run_rows(self.values, self.language))
        self._cost(page)
        self._curves(page)
        if self.values["differences"]:
            self._differences(page)
        return page

    def _colour(self, place: int) -> dict[str, str]:
        return {"color": _COLOURS[place % len(_COLOURS)], "dash": _DASHES[place // len(_COLOURS) % len(_DASHES)]}

    def _cost(self, page: Page) -> None:
        runs = [(place, one) for place, one in enumerate(self.values["runs"]) if one["multiply_adds"]]
        if not runs:
            return
        page.heading(self.text("Accuracy against cost"))
        data = [
            {
                "type": "scatter",
                "mode": "markers+text",
                "name": one["run"],
                "x": [one["multiply_adds"] / 1e6],
                "y": [one["accuracy"]],
                "text": [f" {one['run']}"],
                "textposition": "middle right",
                "marker": {"size": 10, "color": self._colour(place)["color"]},
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": [one["interval"][1] - one["accuracy"]],
                    "arrayminus": [one["accuracy"] - one["interval"][0]],
                    "thickness": 1,
                },
                "hovertemplate": "%{text}: %{x:,.1f} M, %{y:$.1%}<extra></extra>",
                "cliponaxis": False,
            }
            for place, one in runs
        ]
        layout = {
            "height": 440,
            "margin": {"t": 24},
            "showlegend": False,
            "xaxis": {"type": "log", "title": {"text": self.text("million multiply-adds a face (logarithmic)")}},
            "yaxis": {"tickformat": "$.0%", "title": {"text": self.text("Accuracy")}},
        }
        page.figure({"data": data, "layout": layout}, self.text("Accuracy against cost"))

    def _curves(self, page: Page) -> None:
        # One epoch, as of HOG and SVM, is no curve.
        curved = [(place, rows) for place, rows in enumerate(self.comparison.curves) if len(rows) > 1]
        if not curved:
            return
        page.heading(self.text("Curves"))
        page.paragraph(self.text("Lines: the faces judged on; faint lines: training, on changed faces."), quiet=True)
        step = max(1, max(len(rows) for _, rows in curved) // 10)
        for name, title, form in (("accuracy", self.text("Accuracy"), "$.0%"), ("loss", self.text("Loss"), None)):
            data = []
            for place, rows in curved:
                for part, faint in (("training", True), ("validation", False)):
                    data.append(
                        {
                            "type": "scatter",
                            "mode": "lines",
                            "name": self.comparison.names[place],
                            "legendgroup": str(place),
                            "showlegend": not faint,
                            "opacity": 0.35 if faint else 1,
                            "line": self._colour(place) | {"width": 1.2 if faint else 2},
                            "x": [row["epoch"] for row in rows],
                            "y": [row.get(f"{part}_{name}") for row in rows],
                            "hoverinfo": "skip" if faint else "all",
                        }
                    )
            layout = {
                "height": 420,
                "margin": {"t": 10},
                "xaxis": {"title": {"text": self.text("Epoch")}, "tick0": 0, "dtick": step},
                "yaxis": {"tickformat": form, "title": {"text": title}},
                "legend": {"orientation": "h", "y": -0.2},
            }
            page.figure({"data": data, "layout": layout}, title)

    def _differences(self, page: Page) -> None:
        reference = self.comparison.names[0]
        page.heading(self.text("Differences from {run}", run=reference))
        page.paragraph(
            self.text(
                "Gained: faces that only the run reads right; lost: those that only the reference does. McNemar's "
                "exact test asks whether the two could be so uneven by chance; Holm's correction makes up for asking "
                "several times. Neither knows of the chance in training: the same recipe reads other faces right from "
                "another seed."
            ),
            quiet=True,
        )
        page.table(*difference_rows(self.values, self.language))
        names = [emotion_name(emotion, self.language) for emotion in Emotion]
        data = []
        for place, pair in enumerate(self.values["differences"], 1):
            tests = [pair["classes"].get(str(emotion)) for emotion in Emotion]
            data.append(
                {
                    "type": "bar",
                    "name": pair["run"],
                    "x": names,
                    "y": [test and round(100 * test["difference"], 2) for test in tests],
                    "text": ["*" if test and test["p_holm"] < 0.05 else "" for test in tests],
                    "textposition": "inside",
                    "insidetextanchor": "start",
                    "insidetextfont": {"color": "#fff", "size": 18},
                    "marker": {"color": self._colour(place)["color"]},
                    "customdata": [[test["gained"], test["lost"], test["p_holm"]] if test else None for test in tests],
                    "hovertemplate": "%{x}: %{y:+.1f} (+%{customdata[0]} −%{customdata[1]}, "
                    "p %{customdata[2]:.3f})<extra>%{fullData.name}</extra>",
                    "error_y": {
                        "type": "data",
                        "symmetric": False,
                        "array": [test and 100 * (test["interval"][1] - test["difference"]) for test in tests],
                        "arrayminus": [test and 100 * (test["difference"] - test["interval"][0]) for test in tests],
                        "thickness": 1,
                        "width": 2,
                    },
                }
            )
        title = self.text("Faces of each expression read right: points more or less than {run}", run=reference)
        layout = {
            "height": 440,
            "margin": {"t": 10},
            "barmode": "group",
            "yaxis": {"title": {"text": self.text("Difference, points")}},
            "legend": {"orientation": "h", "y": -0.15},
        }
        page.paragraph(title + ".")
        page.figure({"data": data, "layout": layout}, title)
        page.paragraph(
            self.text("A star: p below 0.05 after Holm's correction over all runs and expressions."), quiet=True
        )

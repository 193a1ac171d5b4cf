"""The page and the figures of an evaluation, in either language."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from mimik.lab.corruptions import CORRUPTIONS
from mimik.lab.evaluate import Evaluation
from mimik.lab.page import Page, mosaic
from mimik.types import Emotion
from mimik.words import EMOTION_COLOURS, emotion_name, numeral, per_cent, translate

__all__ = ["class_rows", "summary_rows", "write_evaluation"]

_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#8A8A8A"


def write_evaluation(evaluation: Evaluation, folder: Path, language: str) -> tuple[Path, ...]:
    """Write ``evaluation.html``, ``evaluation.json`` and ``predictions.csv`` into a folder.

    Returns:
        The files.

    Raises:
        OSError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page, values, rows = (folder / name for name in ("evaluation.html", "evaluation.json", "predictions.csv"))
    values.write_text(json.dumps(evaluation.values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    faces, names = evaluation.faces, [str(emotion) for emotion in Emotion]
    with rows.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "usage", "label", "read", "confidence", *names])
        for row, usage, label, shares in zip(
            faces.rows, faces.usages, faces.labels, evaluation.probabilities, strict=True
        ):
            read = int(shares.argmax())
            writer.writerow(
                [row, usage, names[label], names[read], f"{shares[read]:.4f}", *(f"{share:.4f}" for share in shares)]
            )
    _Builder(evaluation, language).page().write(page)
    return page, values, rows


def summary_rows(values: dict[str, Any], language: str) -> list[tuple[str, str]]:
    """An evaluation's headline measures: what is measured, and how it came out."""

    def text(text: str, /, **places: object) -> str:
        return translate(text, language, **places)

    def number(value: float, form: str) -> str:
        return numeral(value, form, language)

    def scored(share: float | None, interval: list[float] | None) -> str:
        return per_cent(share, language) + _interval(interval, language)

    rows = [(text("Accuracy"), scored(values["accuracy"], values["interval"]))]
    if values["role"]:  # a figure on what a model was selected on flatters it
        rows.append((text("These faces were"), text(values["role"])))
    if values["accuracy_without_twins"] is not None:
        name = text(
            "Accuracy without twins of training pictures ({faces} faces)",
            faces=number(values["faces_without_twins"], ","),
        )
        rows.append((name, scored(values["accuracy_without_twins"], values["interval_without_twins"])))
    if values["tta"]:
        rows.append(
            (text("Accuracy with the mirror image"), scored(values["tta"]["accuracy"], values["tta"]["interval"]))
        )
    rows.append((text("Macro F1"), number(values["macro_f1"], ".3f")))
    rows.append(
        (
            text("FER+ accuracy, 8 classes, plain argmax"),
            scored(values["ferplus_accuracy"], values["ferplus_interval"]),
        )
    )
    for one in (values["corruptions"] or {}).values():
        rows.append(
            (text("Accuracy, {condition}", condition=text(one["what"])), scored(one["accuracy"], one["interval"]))
        )
    rows += [
        (text("Calibration error ({bins} bins)", bins=values["ece_bins"]), per_cent(values["ece"], language)),
        (text("Negative log likelihood"), number(values["nll"], ".3f")),
        (text("Multiply-adds a face"), f"{number(values['multiply_adds'] / 1e6, '.1f')} M"),
        (text("Parameters"), number(values["parameters"], ",")),
        (text("Size"), f"{number(values['bytes'] / 1e6, '.2f')} MB"),
        (text("Time a face, one thread"), f"{number(values['ms_a_face'], '.2f')} ms; {values['machine']}"),
    ]
    return rows


def class_rows(values: dict[str, Any], language: str) -> tuple[list[str], list[list[str]]]:
    """An evaluation's table by expression: headings and rows."""
    headings = ("Expression", "Faces", "Precision", "Recall", "F1", "ROC area", "Average precision")
    rows = [
        [
            emotion_name(emotion, language),
            numeral(found["faces"], ",", language),
            per_cent(found["precision"], language),
            per_cent(found["recall"], language),
            numeral(found["f1"], ".2f", language),
            _number(found["roc_auc"], language),
            _number(found["average_precision"], language),
        ]
        for emotion, found in values["classes"].items()
    ]
    return [translate(heading, language) for heading in headings], rows


def _interval(value: list[float] | None, language: str) -> str:
    return "" if value is None else f" ({per_cent(value[0], language)} – {per_cent(value[1], language)})"


class _Builder:
    """Makes the page of one evaluation."""

    def __init__(self, evaluation: Evaluation, language: str) -> None:
        self.evaluation, self.language = evaluation, language
        self.values = evaluation.values
        self.names = [emotion_name(emotion, language) for emotion in Emotion]

    def text(self, text: str, /, **values: object) -> str:
        return translate(text, self.language, **values)

    def share(self, value: float | None) -> str:
        return per_cent(value, self.language)

    def interval(self, value: list[float] | None) -> str:
        return _interval(value, self.language)

    def page(self) -> Page:
        page = Page(self.text("Evaluation of {model}", model=self.values["model"]), self.language)
        splits = ", ".join(
            f"{name} {numeral(count, ',', self.language)}" for name, count in self.values["splits"].items()
        )
        page.paragraph(
            self.text(
                "{faces} faces ({splits}); each 48×48 picture read once, as it is. Intervals are 95 % (Wilson).",
                faces=numeral(self.values["faces"], ",", self.language),
                splits=splits,
            ),
            quiet=True,
        )
        page.paragraph(
            self.text(
                "Labels are what people chose for each picture; others agree with those of FER-2013 about 65 "
                "times in 100."
            ),
            quiet=True,
        )
        page.table([self.text("Measure"), self.text("Value")], summary_rows(self.values, self.language))
        self._classes(page)
        self._trust(page)
        self._curves(page)
        if self.values["ferplus_protocols"] or self.values["clear_majority"]:
            self._ferplus(page)
        if self.values["corruptions"]:
            self._corruptions(page)
        self._disagreements(page)
        return page

    def _classes(self, page: Page) -> None:
        page.heading(self.text("By expression"))
        page.table(*class_rows(self.values, self.language))
        page.heading(self.text("Confusion matrix"))
        page.paragraph(self.text("A row is what a face is labelled as, a column what the model reads."), quiet=True)
        counts = np.array(self.values["confusion"])
        shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
        cells = [
            [f"{self.share(share)}<br>{count}" for share, count in zip(*row, strict=True)]
            for row in zip(shares, counts, strict=True)
        ]
        page.matrix(
            self.names, shares, cells, (self.text("labelled as"), self.text("read as")), self.text("Confusion matrix")
        )

    def _trust(self, page: Page) -> None:
        page.heading(self.text("How far a reading may be trusted"))
        bins = self.values["reliability"]
        page.paragraph(
            self.text(
                "Left: where the bars meet the line, a confidence of 70 % is right 70 times in 100. Right: reading "
                "only faces from a confidence on leaves fewer faces, but more of them right; the marks are where the "
                "model's “sure” and “uncertain” begin.",
            ),
            quiet=True,
        )
        curve, marks = self.values["coverage"], self.values["thresholds"]
        page.figure(
            {
                "data": [
                    {
                        "type": "bar",
                        "x": [(one["from"] + one["to"]) / 2 for one in bins],
                        "y": [one["accuracy"] for one in bins],
                        "width": [one["to"] - one["from"] for one in bins],
                        "customdata": [[one["confidence"], one["faces"]] for one in bins],
                        "hovertemplate": "%{customdata[0]:$.1%} → %{y:$.1%} (%{customdata[1]})<extra></extra>",
                        "marker": {"color": _BLUE, "opacity": 0.75, "line": {"width": 0.5}},
                    },
                    {
                        "type": "scatter",
                        "mode": "lines",
                        "x": [0, 1],
                        "y": [0, 1],
                        "line": {"dash": "dash", "color": _GREY},
                        "hoverinfo": "skip",
                    },
                    {
                        "type": "scatter",
                        "mode": "lines",
                        "xaxis": "x2",
                        "yaxis": "y2",
                        "x": [one["coverage"] for one in curve],
                        "y": [one["accuracy"] for one in curve],
                        "customdata": [one["threshold"] for one in curve],
                        "hovertemplate": "≥ %{customdata:.2f}: %{x:$.0%} → %{y:$.1%}<extra></extra>",
                        "line": {"color": _BLUE, "width": 2.5},
                    },
                    {
                        "type": "scatter",
                        "mode": "markers+text",
                        "xaxis": "x2",
                        "yaxis": "y2",
                        "x": [mark["coverage"] for mark in marks.values()],
                        "y": [mark["accuracy"] for mark in marks.values()],
                        "text": [self.text(name) for name in marks],
                        "textposition": "top left",
                        "marker": {"color": _ORANGE, "size": 10},
                        "hovertemplate": "%{text}: %{x:$.0%} → %{y:$.1%}<extra></extra>",
                    },
                ],
                "layout": {
                    "height": 400,
                    "showlegend": False,
                    "margin": {"t": 10},
                    "grid": {"rows": 1, "columns": 2, "pattern": "independent", "xgap": 0.16},
                    "xaxis": {"title": {"text": self.text("confidence")}, "range": [0, 1], "tickformat": "$.0%"},
                    "yaxis": {"title": {"text": self.text("accuracy")}, "range": [0, 1], "tickformat": "$.0%"},
                    "xaxis2": {"title": {"text": self.text("faces read")}, "range": [0, 1.02], "tickformat": "$.0%"},
                    "yaxis2": {"title": {"text": self.text("accuracy")}, "range": [0, 1.02], "tickformat": "$.0%"},
                },
            },
            self.text("Reliability diagram and coverage–accuracy curve"),
        )
        page.table(
            [self.text(name) for name in ("Begins", "Confidence", "Faces read", "Accuracy")],
            [
                [self.text(name), self.share(m["threshold"]), self.share(m["coverage"]), self.share(m["accuracy"])]
                for name, m in marks.items()
            ],
        )

    def _curves(self, page: Page) -> None:
        page.heading(self.text("ROC and precision–recall curves"))
        data: list[dict[str, Any]] = []
        for name, (emotion, curves) in zip(self.names, self.values["curves"].items(), strict=True):
            for kind, axis in (("roc", ""), ("pr", "2")):
                if curves[kind] is not None:
                    data.append(
                        {
                            "type": "scatter",
                            "mode": "lines",
                            "name": f"{name} ({curves[kind]['area']:.2f})" if kind == "roc" else name,
                            "legendgroup": emotion,
                            "showlegend": kind == "roc",
                            "x": curves[kind]["x"],
                            "y": curves[kind]["y"],
                            "xaxis": f"x{axis}",
                            "yaxis": f"y{axis}",
                            "line": {"color": EMOTION_COLOURS[emotion], "width": 2},
                        }
                    )
        axes = {
            "xaxis": self.text("others wrongly taken"),
            "yaxis": self.text("found"),
            "xaxis2": self.text("found"),
            "yaxis2": self.text("precision"),
        }
        page.figure(
            {
                "data": data,
                "layout": {
                    "height": 440,
                    "margin": {"t": 10},
                    "legend": {"orientation": "h", "y": -0.2},
                    "grid": {"rows": 1, "columns": 2, "pattern": "independent", "xgap": 0.16},
                    **{
                        axis: {"title": {"text": title}, "range": [0, 1.02], "tickformat": "$.0%"}
                        for axis, title in axes.items()
                    },
                },
            },
            self.text("ROC and precision–recall curves"),
        )

    def _ferplus(self, page: Page) -> None:
        page.heading("FER+")
        page.paragraph(
            self.text("Ten people voted on each face of FER+; the protocols below make one of eight labels of them."),
            quiet=True,
        )
        if self.values["ferplus_protocols"]:
            page.table(
                [self.text(name) for name in ("Protocol", "Faces", "Accuracy")],
                [
                    [
                        self.text(one["rule"]),
                        numeral(one["faces"], ",", self.language),
                        self.share(one["accuracy"]) + self.interval(one["interval"]),
                    ]
                    for one in self.values["ferplus_protocols"].values()
                ],
            )
        names = {
            "fer": self.text("FER head"),
            "ferplus_cut_to_seven": self.text("FER+ head cut to the seven"),
            "mixture": self.text("mean of the two"),
        }
        page.paragraph(self.text("Agreement with a clear FER+ majority for one of the seven expressions:"))
        page.table(
            [self.text(name) for name in ("Head", "Faces", "Agreement")],
            [
                [
                    names[name],
                    numeral(one["faces"], ",", self.language),
                    self.share(one["accuracy"]) + self.interval(one["interval"]),
                ]
                for name, one in self.values["clear_majority"].items()
            ],
        )

    def _corruptions(self, page: Page) -> None:
        page.heading(self.text("Under worse conditions"))
        found = {"": self.values | {"what": self.text("as it is")}} | {
            name: one | {"what": self.text(one["what"])} for name, one in self.values["corruptions"].items()
        }
        shares = [one["accuracy"] for one in found.values()]
        page.figure(
            {
                "data": [
                    {
                        "type": "bar",
                        "orientation": "h",
                        "x": shares,
                        "y": [one["what"] for one in found.values()],
                        "text": [self.share(share) for share in shares],
                        "textposition": "inside",
                        "insidetextanchor": "start",
                        "error_x": {
                            "type": "data",
                            "symmetric": False,
                            "array": [one["interval"][1] - one["accuracy"] for one in found.values()],
                            "arrayminus": [one["accuracy"] - one["interval"][0] for one in found.values()],
                            "color": _GREY,
                        },
                        "marker": {"color": [_GREY] + [_BLUE] * len(CORRUPTIONS)},
                    }
                ],
                "layout": {
                    "height": 420,
                    "margin": {"t": 10},
                    "xaxis": {"tickformat": "$.0%", "rangemode": "tozero"},
                    "yaxis": {"autorange": "reversed"},
                },
            },
            self.text("Accuracy under worse conditions"),
        )
        images = self.evaluation.faces.images[:: max(len(self.evaluation.faces) // 3, 1)][:3]
        page.picture(
            mosaic([[image, *(one.apply(image) for one in CORRUPTIONS)] for image in images]),
            self.text("The same faces under each condition, in the order above."),
            zoom=2,
        )

    def _disagreements(self, page: Page) -> None:
        shares, labels = self.evaluation.probabilities, self.evaluation.faces.labels
        wrong = np.flatnonzero(shares.argmax(1) != labels)
        wrong = wrong[np.argsort(-shares[wrong].max(1), kind="stable")][:16]
        if not len(wrong):
            return
        page.heading(self.text("Surest readings that differ from the label"))
        images = [self.evaluation.faces.images[row] for row in wrong]
        page.picture(
            mosaic([images[:8], images[8:]] if len(images) > 8 else [images], gap=4),
            "; ".join(
                self.text(
                    "{number}: labelled {label}, read {read} ({share})",
                    number=number,
                    label=self.names[labels[row]],
                    read=self.names[int(shares[row].argmax())],
                    share=self.share(float(shares[row].max())),
                )
                for number, row in enumerate(wrong, 1)
            ),
            zoom=2,
        )


def _number(value: float | None, language: str) -> str:
    return "–" if value is None else numeral(value, ".3f", language)

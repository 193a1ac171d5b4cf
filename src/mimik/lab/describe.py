"""Describes a set of labelled faces: classes by split, repeated pictures, conflicting labels, agreement with FER+."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimik.classify import FERPLUS_SEVEN
from mimik.lab.data import FERPLUS, Faces, Progress
from mimik.lab.duplicates import BITS, NEAR, Pair, blank, groups, near_pairs, twins_across
from mimik.lab.metrics import confusion, ferplus_labels, seven_labels
from mimik.lab.page import Page, mosaic
from mimik.types import Emotion
from mimik.words import EMOTION_COLOURS, emotion_name, numeral, per_cent, translate

__all__ = ["Description", "describe", "write_description"]

_EXAMPLES = 12
_SHOWN = 24


@dataclass(frozen=True, slots=True, eq=False)
class Description:
    """What is known of a set of faces.

    Attributes:
        faces: the set.
        blank: ``(N,)`` which pictures show nothing.
        groups: indices of each group of identical pictures, blank ones aside.
        conflicts: the groups whose labels differ.
        near: near duplicates.
        values: every figure, ready for JSON.
    """

    faces: Faces
    blank: NDArray[np.bool_]
    groups: list[NDArray[np.int64]]
    conflicts: list[NDArray[np.int64]]
    near: list[Pair]
    values: dict[str, Any]


def describe(faces: Faces, progress: Progress | None = None) -> Description:
    """Describe a set of faces.

    Args:
        faces: the set.
        progress: told how far the search for near duplicates is.
    """
    empty = blank(faces)
    identical = groups(faces)
    conflicts = [group for group in identical if len(set(faces.labels[group])) > 1]
    near = near_pairs(faces, progress=progress)
    names = [str(emotion) for emotion in Emotion]
    splits = {}
    for split in dict.fromkeys(faces.usages):
        counts = np.bincount(faces.labels[faces.usages == split], minlength=len(names))
        splits[str(split)] = {name: int(count) for name, count in zip(names, counts, strict=True)}
    near_splits = [sorted((str(faces.usages[pair.first]), str(faces.usages[pair.second]))) for pair in near]
    values: dict[str, Any] = {
        "faces": len(faces),
        "splits": splits,
        "duplicates": {
            "groups": len(identical),
            "rows": sum(map(len, identical)),
            "conflicting_groups": len(conflicts),
            "conflicts": [
                {
                    "rows": [int(row) for row in faces.rows[group]],
                    "labels": [names[label] for label in faces.labels[group]],
                }
                for group in conflicts
            ],
            "twins_across_splits": [
                {"split": split, "twin_in": other, "rows": rows}
                for (split, other), rows in sorted(twins_across(faces).items())
            ],
        },
        "near_duplicates": {
            "pairs": len(near),
            "largest_distance": NEAR,
            "bits": BITS,
            "across_splits": sum(first != second for first, second in near_splits),
            "conflicting": sum(bool(faces.labels[pair.first] != faces.labels[pair.second]) for pair in near),
            "nearest": [
                {
                    "rows": [int(faces.rows[pair.first]), int(faces.rows[pair.second])],
                    "distance": pair.distance,
                    "labels": [names[faces.labels[pair.first]], names[faces.labels[pair.second]]],
                }
                for pair in near[:200]
            ],
        },
        "blank": {"rows": [int(row) for row in faces.rows[empty]]},
        "ferplus": _agreement(faces),
    }
    return Description(faces, empty, identical, conflicts, near, values)


def _agreement(faces: Faces) -> dict[str, Any] | None:
    """How FER+'s voters see the labels; None without votes."""
    if not faces.counts.any():
        return None
    majority = ferplus_labels(faces.counts, "argmax")
    seen = majority >= 0
    own = np.array(FERPLUS_SEVEN)[faces.labels]
    seven = seven_labels(majority)
    shared = seven >= 0
    most = faces.counts[:, : len(FERPLUS)].max(1)
    no_face = (faces.counts[:, -1] > 0) & (faces.counts[:, -1] >= most)
    return {
        "rows": int(seen.sum()),
        "agreement": float((majority == own)[seen].mean()) if seen.any() else None,
        "label_without_vote": float((faces.counts[np.arange(len(faces)), own] == 0)[seen].mean())
        if seen.any()
        else None,
        "contempt_leads": int((majority == FERPLUS.index("contempt")).sum()),
        "no_face": [int(row) for row in faces.rows[no_face]],
        "table": confusion(faces.labels[shared], seven[shared]).tolist(),
    }


def write_description(description: Description, folder: Path, name: str, language: str) -> tuple[Path, ...]:
    """Write ``dataset.html`` and ``dataset.json`` into a folder.

    Args:
        description: what to write.
        folder: where; made where absent.
        name: what the set is called.
        language: the page's.

    Returns:
        The files.

    Raises:
        OSError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page, values = folder / "dataset.html", folder / "dataset.json"
    values.write_text(json.dumps(description.values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    _Builder(description, name, language).page().write(page)
    return page, values


class _Builder:
    """Makes the page of one set."""

    def __init__(self, description: Description, name: str, language: str) -> None:
        self.description, self.faces, self.values = description, description.faces, description.values
        self.name, self.language = name, language
        self.names = [emotion_name(emotion, language) for emotion in Emotion]

    def text(self, text: str, /, **values: object) -> str:
        return translate(text, self.language, **values)

    def share(self, value: float | None) -> str:
        return per_cent(value, self.language)

    def count(self, number: int) -> str:
        return numeral(number, ",", self.language)

    def page(self) -> Page:
        page = Page(self.text("Labelled faces: {name}", name=self.name), self.language)
        page.paragraph(self.text("{faces} faces", faces=self.count(len(self.faces))), quiet=True)
        self._classes(page)
        self._examples(page)
        self._repeated(page)
        self._near(page)
        self._unusable(page)
        if self.values["ferplus"]:
            self._ferplus(page)
        return page

    def _classes(self, page: Page) -> None:
        page.heading(self.text("Classes by split"))
        splits = self.values["splits"]
        page.table(
            [self.text("Split"), *self.names, self.text("All")],
            [
                [split, *(self.count(count) for count in counts.values()), self.count(sum(counts.values()))]
                for split, counts in splits.items()
            ],
        )
        page.figure(
            {
                "data": [
                    {
                        "type": "bar",
                        "name": name,
                        "x": list(splits),
                        "y": [counts[emotion] / max(sum(counts.values()), 1) for counts in splits.values()],
                        "customdata": [counts[emotion] for counts in splits.values()],
                        "hovertemplate": f"{name}: %{{customdata}} (%{{y:$.1%}})<extra></extra>",
                        "marker": {"color": EMOTION_COLOURS[emotion]},
                    }
                    for name, emotion in zip(self.names, EMOTION_COLOURS, strict=True)
                ],
                "layout": {
                    "height": 360,
                    "barmode": "group",
                    "margin": {"t": 10},
                    "legend": {"orientation": "h", "y": -0.15},
                    "yaxis": {"tickformat": "$.0%", "title": {"text": self.text("share of the split")}},
                },
            },
            self.text("Share of each expression in each split"),
        )

    def _examples(self, page: Page) -> None:
        page.heading(self.text("Examples and mean faces"))
        random = np.random.default_rng(0)
        rows, means, shown = [], [], []
        for label, name in enumerate(self.names):
            places = np.flatnonzero((self.faces.labels == label) & ~self.description.blank)
            if len(places):
                chosen = random.permutation(places)[:_EXAMPLES]
                rows.append([self.faces.images[place] for place in chosen])
                means.append(self.faces.images[places].mean(0).round().astype(np.uint8))
                shown.append(name)
        if rows:
            page.picture(
                mosaic(rows), self.text("Chosen by chance; a row each: {names}.", names=", ".join(shown)), zoom=2
            )
            page.picture(mosaic([means]), self.text("The mean face of each: {names}.", names=", ".join(shown)), zoom=3)

    def _repeated(self, page: Page) -> None:
        found = self.values["duplicates"]
        page.heading(self.text("Identical pictures"))
        page.paragraph(
            self.text(
                "{groups} groups of pictures are identical to the pixel and cover {rows} rows; the labels of "
                "{conflicts} groups differ. Blank pictures are not counted.",
                groups=self.count(found["groups"]),
                rows=self.count(found["rows"]),
                conflicts=found["conflicting_groups"],
            )
        )
        if found["twins_across_splits"]:
            page.paragraph(
                self.text(
                    "Twins across splits: a network that has learnt a picture by heart reads its twin right, so that "
                    "figures without twins are the honest ones."
                ),
                quiet=True,
            )
            page.table(
                [self.text(heading) for heading in ("Split", "has twins in", "Rows")],
                [[one["split"], one["twin_in"], self.count(one["rows"])] for one in found["twins_across_splits"]],
            )
        if self.description.conflicts:
            shown = self.description.conflicts[:_SHOWN]
            images = [self.faces.images[group[0]] for group in shown]
            page.picture(
                mosaic([images[start : start + 12] for start in range(0, len(images), 12)], gap=4),
                self.text("One picture, several labels:")
                + " "
                + "; ".join(
                    f"{number}: " + ", ".join(self.names[label] for label in sorted(self.faces.labels[group]))
                    for number, group in enumerate(shown, 1)
                ),
                zoom=2,
            )

    def _near(self, page: Page) -> None:
        found = self.values["near_duplicates"]
        page.heading(self.text("Nearly identical pictures"))
        page.paragraph(
            self.text(
                "{pairs} pairs differ in at most {limit} of the {bits} bits of their fingerprints (signs of low "
                "frequencies): mostly one photograph, cut, lit or compressed otherwise. {across} pairs lie in two "
                "splits, and the labels of {conflicting} differ.",
                pairs=self.count(found["pairs"]),
                limit=found["largest_distance"],
                bits=found["bits"],
                across=self.count(found["across_splits"]),
                conflicting=self.count(found["conflicting"]),
            )
        )
        pairs = self.description.near
        if not pairs:
            return
        # From the nearest to the farthest, so that people see where the threshold stands.
        chosen = [pairs[place] for place in np.unique(np.linspace(0, len(pairs) - 1, _SHOWN).round().astype(int))]
        images = [np.hstack([self.faces.images[pair.first], self.faces.images[pair.second]]) for pair in chosen]
        page.picture(
            mosaic([images[start : start + 6] for start in range(0, len(images), 6)], gap=6),
            self.text(
                "Pairs from the nearest to the farthest; bits that differ: {distances}.",
                distances=", ".join(str(pair.distance) for pair in chosen),
            ),
            zoom=2,
        )

    def _unusable(self, page: Page) -> None:
        page.heading(self.text("Blank pictures and pictures without a face"))
        rows = self.values["blank"]["rows"]
        page.paragraph(
            self.text("{count} blank pictures, rows: {rows}", count=len(rows), rows=", ".join(map(str, rows)) or "–")
        )
        if not self.values["ferplus"]:
            return
        strange = self.values["ferplus"]["no_face"]
        page.paragraph(self.text("FER+'s voters saw no face in {count} pictures.", count=len(strange)))
        places = np.flatnonzero(np.isin(self.faces.rows, strange) & ~self.description.blank)[:_SHOWN]
        if len(places):
            images = [self.faces.images[place] for place in places]
            page.picture(
                mosaic([images[start : start + 12] for start in range(0, len(images), 12)]),
                self.text("Some of them, blank ones left out."),
                zoom=2,
            )

    def _ferplus(self, page: Page) -> None:
        found = self.values["ferplus"]
        page.heading(self.text("Agreement with FER+"))
        page.paragraph(
            self.text(
                "On {rows} faces, the expression with most votes is the label's on {agreement}; on {without} nobody "
                "voted for the label's. Contempt, which has no label here, leads on {contempt} faces.",
                rows=self.count(found["rows"]),
                agreement=self.share(found["agreement"]),
                without=self.share(found["label_without_vote"]),
                contempt=self.count(found["contempt_leads"]),
            )
        )
        counts = np.array(found["table"])
        shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
        cells = [
            [f"{self.share(share)}<br>{self.count(count)}" for share, count in zip(*row, strict=True)]
            for row in zip(shares, counts, strict=True)
        ]
        page.matrix(
            self.names,
            shares,
            cells,
            (self.text("labelled as"), self.text("most voted in FER+")),
            self.text("Labels against the most voted expression of FER+"),
        )

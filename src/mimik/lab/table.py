"""The shipped models' figures in the documentation, from what ``mimik evaluate --json`` printed.

``mimik evaluate NAME … --corruptions --json | python -m mimik.lab.table keep docs/evaluations`` keeps an evaluation,
``python -m mimik.lab.table write docs/evaluations README.md …`` writes the tables anew into documentation files,
between their marks; a file whose name ends in ``.tr.md`` gets them in Turkish.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mimik.lab.corruptions import CORRUPTIONS
from mimik.weights import records, shipped
from mimik.words import numeral, per_cent, translate

__all__ = ["Evaluation", "corruption_table", "keep", "model_table", "read_evaluations", "write_tables"]

Evaluation = dict[str, Any]
"""An object of ``mimik evaluate --json``, without its curves."""

BASELINE = "not shipped: a baseline"

_LONG = ("classes", "confusion", "curves", "reliability", "coverage", "data")


def keep(evaluation: Evaluation, folder: Path) -> Path:
    """Write an evaluation, without what would fill pages, as ``MODEL.json``."""
    path = folder / f"{evaluation['model']}.json"
    short = {name: value for name, value in evaluation.items() if name not in _LONG}
    path.write_text(json.dumps(short, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return path


def read_evaluations(folder: Path) -> list[Evaluation]:
    """The evaluations of a folder, in the order of the shipped records, then those of several networks together."""
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
    known = [record.name for record in records() if record.name in found]
    return [found[name] for name in (*known, *(name for name in found if name not in known))]


def model_table(evaluations: Sequence[Evaluation], language: str) -> str:
    """A row a model: cost, accuracy on both kinds of labels, agreement of what people are shown."""

    def say(text: str) -> str:
        return translate(text, language)

    names, known = shipped(), {record.name for record in records()}
    head = (
        say("model"),
        say("parameters"),
        say("multiply-adds"),
        say("file"),
        say("accuracy"),
        say("with its mirror image"),
        say("95 % interval"),
        say("without twins of Training"),
        say("macro F1"),
        say("FER+"),
        say("shown labels"),
        say("a face, one thread"),
    )
    rows = []
    for each in evaluations:
        low, high = each["interval"]
        agreement = each["clear_majority"]
        shown = agreement.get("ferplus_cut_to_seven", agreement["fer"])
        there = each["model"] in names
        remark = "" if there else BASELINE if each["model"] in known else "together"
        rows.append(
            (
                f"`{each['model']}`" + (f" ({say(remark)})" if remark else ""),
                f"{numeral(each['parameters'] / 1e6, '.2f', language)} M",
                f"{numeral(each['multiply_adds'] / 1e6, '.1f', language)} M",
                f"{numeral(each['bytes'] / 1e6, '.1f', language)} MB" if remark != BASELINE else "–",
                f"**{per_cent(each['accuracy'], language)}**",
                per_cent(each["tta"]["accuracy"], language) if each["tta"] else "–",
                f"{numeral(100 * low, '.1f', language)}–{numeral(100 * high, '.1f', language)}",
                per_cent(each["accuracy_without_twins"], language),
                numeral(each["macro_f1"], ".3f", language),
                per_cent(each["ferplus_accuracy"], language),
                per_cent(shown["accuracy"], language),
                f"{numeral(each['ms_a_face'], '.1f', language)} ms",
            )
        )
    return _table(head, rows)


def corruption_table(evaluations: Sequence[Evaluation], language: str) -> str:
    """A row a way of spoiling pictures, a column a model."""

    def say(text: str) -> str:
        return translate(text, language)

    measured = [each for each in evaluations if each["corruptions"]]
    head = (say("pictures"), *(f"`{each['model']}`" for each in measured))
    rows = [(say("as they are"), *(per_cent(each["accuracy"], language) for each in measured))]
    for corruption in CORRUPTIONS:
        accuracies = (each["corruptions"][corruption.name]["accuracy"] for each in measured)
        rows.append((say(corruption.title), *(per_cent(accuracy, language) for accuracy in accuracies)))
    return _table(head, rows)


def write_tables(folder: Path, path: Path) -> str:
    """A documentation file's text with the tables that it has marks for made anew."""
    text = path.read_text(encoding="utf-8")
    language = "tr" if path.name.endswith(".tr.md") else "en"
    evaluations = read_evaluations(folder)
    for name, make in (("models", model_table), ("corruptions", corruption_table)):
        before, found, rest = text.partition(f"<!-- {name} -->\n")
        if found:
            text = before + found + make(evaluations, language) + "\n<!-- end -->" + rest.partition("<!-- end -->")[2]
    return text


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    work, where, *files = sys.argv[1:]
    if work == "keep":
        keep(json.load(sys.stdin), Path(where))
    for file in map(Path, files):
        file.write_text(write_tables(Path(where), file), encoding="utf-8")

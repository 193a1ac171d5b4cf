"""The model card tells what the records and the evaluations tell."""

from pathlib import Path

import pytest

from mimik.lab.card import card
from mimik.lab.corruptions import CORRUPTIONS
from mimik.lab.table import read_evaluations
from mimik.weights import records

DOCS = Path(__file__).parents[3] / "docs"
CARD = DOCS / "model-card.md"
EVALUATIONS = DOCS / "evaluations"


def test_the_card_is_up_to_date() -> None:
    made = card(records(), read_evaluations(EVALUATIONS))
    assert CARD.read_text(encoding="utf-8") == made, "run `make docs`"


@pytest.mark.parametrize("name", [record.name for record in records()])
def test_a_card_has_what_was_evaluated(name: str) -> None:
    (record,) = (record for record in records() if record.name == name)
    (each,) = (each for each in read_evaluations(EVALUATIONS) if each["model"] == name)
    text = card([record], read_evaluations(EVALUATIONS))
    rows = dict(line[2:-2].split(" | ", 1) for line in text.splitlines() if line.startswith("| ") and line != "| | |")
    assert rows["bytes of the file"].startswith(f"{each['bytes']:,}")
    assert rows["time a face"].startswith(f"{each['ms_a_face']:.2f} ms: one face alone, one thread")
    assert rows["time a face"].endswith(f"; {each['machine']}")
    if each["ferplus_accuracy"] is None:
        assert rows["FER+ accuracy"] == "none: the network has no FER+ head"
    else:
        assert rows["FER+ accuracy"].startswith(f"**{each['ferplus_accuracy']:.2%}**")
        assert "PublicTest (selected on): eight classes, single view, plain argmax" in rows["FER+ accuracy"]
    mirrored = rows["accuracy with the mirror image (mean of both)"]
    assert mirrored.startswith("not measured" if each["tta"] is None else f"{each['tta']['accuracy']:.2%}")
    calibration = rows[f"calibration by `mimik evaluate` (not cross-fitted, {each['ece_bins']} bins)"]
    assert f"calibration error {each['ece']:.3f}, negative log likelihood {each['nll']:.3f}" in calibration
    for one in CORRUPTIONS:
        assert rows[one.title].startswith(f"{each['corruptions'][one.name]['accuracy']:.2%}")


def test_a_model_without_evaluation_has_its_records_figures_alone() -> None:
    text = card(records(), [])
    assert "accuracy without twins" in text
    assert "On worse pictures" not in text


def test_networks_together_have_no_card() -> None:
    together = [each for each in read_evaluations(EVALUATIONS) if "+" in each["model"]]
    assert together
    assert card(records(), together) == card(records(), [])

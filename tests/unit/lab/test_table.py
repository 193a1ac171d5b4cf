"""The documentation's tables say what `mimik evaluate --json` printed of the shipped models."""

import json
import re
from pathlib import Path

import pytest

from mimik.lab.table import keep, read_evaluations, write_tables
from mimik.weights import records

ROOT = Path(__file__).parents[3]
EVALUATIONS = ROOT / "docs" / "evaluations"


@pytest.mark.parametrize("name", ["README.md", "README.tr.md", "docs/evaluation.md"])
def test_the_tables_are_up_to_date(name: str) -> None:
    path = ROOT / name
    assert "<!-- end -->" in path.read_text(encoding="utf-8")
    assert path.read_text(encoding="utf-8") == write_tables(EVALUATIONS, path), "run `make docs`"


def test_every_record_is_in_the_table_with_the_figures_of_its_record() -> None:
    evaluations = {each["model"]: each for each in read_evaluations(EVALUATIONS)}
    for record in records():
        each = evaluations[record.name]
        assert each["accuracy"] == pytest.approx(record.measured.accuracy, abs=3 / 3589)
        assert each["multiply_adds"] == record.multiply_adds
        assert each["split"] == record.measured.split == "PublicTest"


def test_turkish_tables_write_numbers_as_turkish_does(tmp_path: Path) -> None:
    for name in ("english.md", "turkish.tr.md"):
        (tmp_path / name).write_text("before\n<!-- models -->\nold\n<!-- end -->\nafter\n", encoding="utf-8")
    english = write_tables(EVALUATIONS, tmp_path / "english.md")
    turkish = write_tables(EVALUATIONS, tmp_path / "turkish.tr.md")
    assert english.startswith("before\n<!-- models -->\n| model |")
    assert english.endswith("|\n<!-- end -->\nafter\n")
    assert "old" not in english
    digits = [re.findall(r"\d+", text) for text in (english, turkish)]
    assert digits[0] != []
    first = (english.split("\n")[4], turkish.split("\n")[4])
    assert re.search(r"\*\*\d\d\.\d %\*\*", first[0])
    assert re.search(r"\*\*%\d\d,\d\*\*", first[1])


def test_what_is_kept_is_short(tmp_path: Path) -> None:
    path = keep({"model": "own", "accuracy": 0.5, "curves": {"angry": []}, "data": ["/home/me/fer.csv"]}, tmp_path)
    assert json.loads(path.read_text(encoding="utf-8")) == {"model": "own", "accuracy": 0.5}
    assert path.name == "own.json"

"""Sessions under the column names of AFFDEX, as users' own scripts read them."""

from __future__ import annotations

import csv
import io
from itertools import groupby
from pathlib import Path

import pytest

from mimik.store.exchange import export_folder, export_stream
from mimik.store.imotions import AFFDEX_FORMATS
from mimik.store.values import EMOTIONS
from tests.unit.store.test_exchange import Kept

DOCS = Path(__file__).parents[3] / "docs" / "sessions.md"
IMOTIONS = {"Anger", "Contempt", "Disgust", "Fear", "Joy", "Sadness", "Surprise", "Engagement", "Valence"}
OURS = {
    "angry": "Anger",
    "disgust": "Disgust",
    "fear": "Fear",
    "happy": "Joy",
    "sad": "Sadness",
    "surprise": "Surprise",
    "neutral": "Neutral",
}


def read(kind: str) -> list[dict[str, str]]:
    """As a script does: by column names, the heading first, an empty text where there is no value."""
    file = io.BytesIO()
    export_stream(Kept(rows=30), "abc", file, kind)
    return list(csv.DictReader(io.StringIO(file.getvalue().decode("utf-8"))))


def samples() -> list[dict[str, str]]:
    file = io.BytesIO()
    export_stream(Kept(rows=30), "abc", file, "csv", "samples")
    return list(csv.DictReader(io.StringIO(file.getvalue().decode("utf-8"))))


def test_a_script_of_imotions_reads_it() -> None:
    """Its mean joy over the time, its peaks, and its rows of one person."""
    rows = read("imotions")
    assert set(rows[0]) >= IMOTIONS
    kept = samples()
    assert [row["Row"] for row in rows] == [str(number) for number in range(1, len(kept) + 1)]
    for row, sample in zip(rows, kept, strict=True):
        assert float(row["Timestamp"]) == pytest.approx(1000 * float(sample["time_s"]))
        assert row["FaceID"] == sample["person"]
        for ours, theirs in OURS.items():
            if sample[ours]:
                assert float(row[theirs]) == pytest.approx(100 * float(sample[ours]), abs=1e-3)
                assert 0 <= float(row[theirs]) <= 100
            else:
                assert row[theirs] == ""
        if sample["valence"]:
            assert float(row["Valence"]) == pytest.approx(100 * float(sample["valence"]), abs=1e-3)
            assert float(row["Engagement"]) == pytest.approx(100 - float(row["Neutral"]), abs=1e-3)
        box = [float(row[name]) for name in ("upperLeftX", "upperLeftY", "lowerRightX", "lowerRightY")]
        assert box == pytest.approx([float(sample[edge]) for edge in ("x1", "y1", "x2", "y2")], abs=0.01)
    readings = [row for row in rows if row["Joy"]]
    assert 0 < len(readings) < len(rows)  # some are withheld
    assert sum(float(row["Joy"]) for row in readings) / len(readings) == pytest.approx(
        sum(100 * float(sample["happy"]) for sample in kept if sample["happy"]) / len(readings), abs=1e-3
    )


def test_a_script_of_affectiva_reads_it() -> None:
    rows, kept = read("affdex"), samples()
    assert [float(row["TimeStamp"]) for row in rows] == [pytest.approx(1000 * float(s["time_s"])) for s in kept]
    assert {row["faceId"] for row in rows} == {sample["person"] for sample in kept}
    for row, sample in zip(rows, kept, strict=True):
        assert (
            row["joy"] == ""
            if not sample["happy"]
            else float(row["joy"]) == pytest.approx(100 * float(sample["happy"]), abs=1e-3)
        )


@pytest.mark.parametrize("kind", AFFDEX_FORMATS)
def test_what_cannot_be_known_is_empty_and_never_made_up(kind: str) -> None:
    empty = [column.name for column in AFFDEX_FORMATS[kind] if column.origin == "empty"]
    assert {"contempt", "attention", "pitch", "yaw", "roll", "smile"} <= {name.lower() for name in empty}
    for row in read(kind):
        assert [row[name] for name in empty] == [""] * len(empty)


@pytest.mark.parametrize("kind", AFFDEX_FORMATS)
def test_names_are_unique_and_every_expression_has_one(kind: str) -> None:
    names = [column.name for column in AFFDEX_FORMATS[kind]]
    assert len(names) == len(set(names))
    assert {name.lower() for name in OURS.values()} <= {name.lower() for name in names}
    assert len(OURS) == len(EMOTIONS)


@pytest.mark.parametrize("kind", AFFDEX_FORMATS)
def test_the_docs_tell_of_every_column(kind: str) -> None:
    docs = DOCS.read_text(encoding="utf-8").partition(f"### `{kind}`")[2].partition("\n#")[0]
    said = [line for line in docs.splitlines() if line.startswith("| `")]
    assert said == [
        f"| {', '.join(f'`{column.name}`' for column in columns)}"
        f" | {'always empty' if origin == 'empty' else origin} | {meaning} |"
        for (origin, meaning), columns in groupby(AFFDEX_FORMATS[kind], lambda c: (c.origin, c.meaning))
    ]


def test_a_folder_gets_one_file_a_format(tmp_path: Path) -> None:
    files = export_folder(Kept(), "abc", tmp_path, ("imotions", "affdex"))
    assert [file.name for file in files] == ["session.imotions.csv", "session.affdex.csv"]

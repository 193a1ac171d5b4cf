"""Model records and their files."""

import json
from pathlib import Path

import pytest

from mimik.errors import WeightsError
from mimik.weights import read_record, records, verified


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The default model, copied to where a test may spoil it."""
    record, file = verified("default")
    (tmp_path / file.name).write_bytes(file.read_bytes())
    path = tmp_path / "default.json"
    path.write_bytes(file.with_suffix(".json").read_bytes())
    assert record.file == file.name
    return path


def test_the_default_comes_first_and_states_where_its_figures_come_from() -> None:
    default = records()[0]
    assert default.name == "default"
    assert default.measured.split == "PublicTest"
    assert "selected on" in default.measured.role
    assert default.measured.faces == 3589
    low, high = default.measured.interval
    assert low < default.measured.accuracy < high
    assert 0 < default.thresholds.uncertain < default.thresholds.sure < 1


def test_a_changed_file_is_refused(copied: Path) -> None:
    copied.with_suffix(".onnx").write_bytes(b"changed")
    with pytest.raises(WeightsError, match="not the file that its record describes"):
        verified(str(copied))


def test_a_missing_file_is_refused(copied: Path) -> None:
    copied.with_suffix(".onnx").unlink()
    with pytest.raises(WeightsError, match="cannot be read"):
        verified(str(copied))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "x"}', "not JSON"])
def test_what_is_no_record_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(WeightsError, match="not a model record"):
        read_record(str(path))


def test_other_labels_are_refused(copied: Path) -> None:
    values = json.loads(copied.read_text())
    values["labels"].reverse()
    copied.write_text(json.dumps(values))
    with pytest.raises(WeightsError, match="labels must be angry, disgust"):
        read_record(str(copied))


@pytest.mark.parametrize("file", ["../default.onnx", "/etc/passwd", "a/b.onnx", ""])
def test_a_file_elsewhere_is_refused(copied: Path, file: str) -> None:
    values = json.loads(copied.read_text())
    values["file"] = file
    copied.write_text(json.dumps(values))
    with pytest.raises(WeightsError, match="beside its record"):
        verified(str(copied))


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(WeightsError, match=r"nosuch: no such model.*default") as caught:
        read_record("nosuch")
    assert "seed" not in str(caught.value), "a baseline has no file to read with"


@pytest.mark.parametrize("end", ["", "/"])
def test_a_runs_folder_has_to_be_exported_first(tmp_path: Path, end: str) -> None:
    run = tmp_path / "t1"
    run.mkdir()
    (run / "weights.pt").touch()
    with pytest.raises(WeightsError, match=r"Export it first: `mimik export \S+t1/? -o models .*models/t1\.json"):
        verified(f"{run}{end}")

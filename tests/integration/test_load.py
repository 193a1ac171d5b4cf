"""The default line, put together from settings."""

import json
from pathlib import Path

import pytest

from mimik.config import Settings
from mimik.pipeline import Pipeline
from mimik.weights import verified

pytestmark = pytest.mark.integration


def test_another_calibration_is_another_identity(tmp_path: Path) -> None:
    """An analysis must not go on with readings that another temperature made."""
    record, file = verified("default")
    (tmp_path / file.name).write_bytes(file.read_bytes())
    values = json.loads(file.with_name("default.json").read_text(encoding="utf-8"))
    path = tmp_path / "default.json"
    identities = []
    for temperature in (record.temperature, record.temperature, record.temperature + 0.1):
        path.write_text(json.dumps(values | {"temperature": temperature}), encoding="utf-8")
        identities.append(Pipeline.load(Settings(classifier=str(path), threads=1)).identity)
    assert identities[0] == identities[1] != identities[2]


def test_a_detectors_file_in_the_home_folder_is_known_by_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setattr("mimik.load.make_detector", lambda *given, **options: None)
    pipelines = []
    for model in (b"one", b"another"):
        (tmp_path / "own.onnx").write_bytes(model)
        pipelines.append(Pipeline.load(Settings(detector="~/own.onnx", threads=1)))
    assert pipelines[0].identity != pipelines[1].identity
    assert "own.onnx (sha256 7692c3ad)" in pipelines[0].model
    assert str(tmp_path) not in pipelines[0].model


def test_people_are_told_what_reads_by_name_and_digest() -> None:
    record, _ = verified("default")
    assert record.sha256 is not None
    model = Pipeline.load(Settings(threads=1)).model
    assert model == f"default (sha256 {record.sha256[:8]}) · centerface"

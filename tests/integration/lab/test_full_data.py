"""The laboratory's commands on the whole of FER-2013, one quick epoch each."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")

from mimik.cli import main
from mimik.lab.runs import read_rows

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not os.environ.get("MIMIK_FER2013"), reason="MIMIK_FER2013 is not set"),
]

# A quarter of the pixels and of the time; one epoch's averaged weights would lag behind.
QUICK = 'network = "student-tiny"\nepochs = 1\nsides = [24]\nema = 0.0\naugment = 0.0\ndegrade = 0.0\nbf16 = "off"\n'


def test_trained_taught_compared_and_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What each command says of the same network agrees, and it learns: though of small faces, in one epoch."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Any:
        capsys.readouterr()
        assert main([*arguments, "--json"]) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    Path("alone.toml").write_text(QUICK)
    Path("taught.toml").write_text(QUICK + 'teachers = ["tiny"]\n')
    alone, taught = run("train", "alone.toml"), run("distil", "taught.toml")
    for name in ("alone", "taught"):
        assert read_rows(Path("runs") / name)[0]["training_accuracy"] > 0.3  # 25.1 % are happy
    compared = run("compare", "runs/alone", "runs/taught", "-o", "compared")
    assert [one["accuracy"] for one in compared["runs"]] == [alone["accuracy"], taught["accuracy"]]
    exported = run("export", "runs/alone", "-o", "models", "--form", "fp16", "--name", "quick")
    assert exported["trained"]["accuracy"] == alone["accuracy"]
    data = ("--data", os.environ["MIMIK_FER2013"], "--split", "PublicTest")
    read = run("evaluate", "models/quick.json", *data)
    assert read["faces"] == 3589
    assert read["accuracy"] == pytest.approx(exported["forms"]["fp16"]["accuracy"], abs=0.0005)
    assert read["accuracy"] == pytest.approx(alone["accuracy"], abs=0.003)

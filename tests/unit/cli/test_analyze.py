"""`mimik analyze` with a fake pipeline, on real files."""

import json
import signal
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as Pillow

from mimik.cli import main
from mimik.cli.arguments import parse_formats
from mimik.errors import ConfigError
from mimik.pipeline import Pipeline
from mimik.sinks import TABLE_SINKS
from mimik.types import EmotionScores
from tests.fakes import FakeClassifier, fake_pipeline
from tests.media import truncate, write_video


@pytest.fixture(autouse=True)
def _fake_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pipeline, "load", staticmethod(lambda settings=None: fake_pipeline()))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((90, 160, 3), 60 * number, np.uint8))
    return folder


def test_all_read_is_code_0(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["analyze", str(pictures), "-o", str(out), "--format", "json,CSV"]) == 0
    said = capsys.readouterr()
    assert {path.name for path in out.iterdir()} == {"faces.csv", "faces.json"}
    assert len(json.loads((out / "faces.json").read_text())) == 3
    assert "faces.csv" in said.out.replace("\n", "")
    assert said.err == ""


def test_some_failed_is_code_1_and_each_is_named(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pictures / "text.jpg").write_text("not a picture")
    out = tmp_path / "out"
    assert main(["analyze", str(pictures), str(tmp_path / "none.mp4"), "-o", str(out), "--json"]) == 1
    said = capsys.readouterr()
    summary = json.loads(said.out)
    assert (summary["inputs"], summary["failed"], summary["frames"], summary["interrupted"]) == (5, 2, 3, False)
    assert "text.jpg" in said.err
    assert "none.mp4" in said.err
    assert "2 of 5 inputs failed" in said.err


def test_trouble_is_told_once_and_in_the_language(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a source would log where nobody listens, and what is read twice to be drawn."""
    frames = [np.full((90, 160, 3), 60 * number, np.uint8) for number in range(3)]
    Pillow.fromarray(frames[0]).save(
        tmp_path / "anim.gif", save_all=True, append_images=[Pillow.fromarray(frame) for frame in frames[1:]]
    )
    noise = np.random.default_rng(0).integers(0, 256, (60, 90, 160, 3)).astype(np.uint8)
    truncate(write_video(tmp_path / "cut.avi", list(noise), 25), 0.6)
    inputs = [str(tmp_path / name) for name in ("anim.gif", "cut.avi")]
    assert main(["analyze", *inputs, "-o", str(tmp_path / "out"), "--annotate", "--lang=tr"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("uyarı: ") for line in lines)
    assert "anim.gif" in lines[0]
    assert "cut.avi: hasarlı" in lines[1]


def test_a_folder_without_pictures_is_told_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["analyze", str(tmp_path / "empty"), "-o", str(tmp_path / "out")]) == 2
    assert "empty: the folder holds neither a picture nor a video." in capsys.readouterr().err


def test_none_read_is_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(tmp_path / "none.jpg"), "-o", str(tmp_path / "out"), "--lang=tr"]) == 2
    assert "1 girdinin 1 tanesi okunamadı" in capsys.readouterr().err


def test_an_output_that_cannot_be_written_is_code_2(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(pictures), "-o", str(pictures / "0.png" / "out")]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_anonymize_needs_annotate(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(pictures), "-o", "out", "--anonymize"]) == 2
    assert "Give both" in capsys.readouterr().err


def test_interrupted_it_says_that_the_same_command_continues(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And it does: the second run reads only what is left and ends in the table of an uninterrupted one."""
    arguments = ["analyze", str(pictures), "-o", str(tmp_path / "out")]

    class Interrupted(FakeClassifier):
        """Ctrl-C comes with the second picture; sooner, nobody might be there to take it, and the tests would end."""

        def classify(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[EmotionScores, ...]:
            if len(self.batches) == 1:
                signal.raise_signal(signal.SIGINT)
            return super().classify(crops)

    slow = fake_pipeline(classifier=Interrupted(pause_s=0.4))
    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "load", staticmethod(lambda settings=None: slow))
        assert main(arguments) == 130
    assert "The same command continues" in capsys.readouterr().err
    assert main([*arguments, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["resumed_frames"] > 0
    assert main(["analyze", str(pictures), "-o", str(tmp_path / "whole")]) == 0
    assert (tmp_path / "out" / "faces.csv").read_bytes() == (tmp_path / "whole" / "faces.csv").read_bytes()


def test_a_bar_is_drawn_on_terminals_only(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(["analyze", str(pictures), "-o", str(tmp_path / "out")]) == 0
    assert "faces/s" in capsys.readouterr().err


NAMES = st.lists(st.sampled_from(["csv", "json", "parquet"]), min_size=1)


@given(names=NAMES, space=st.sampled_from(["", " ", "  "]), upper=st.booleans())
def test_formats_are_read_as_people_write_them(names: list[str], space: str, upper: bool) -> None:
    text = f"{space},{space}".join(names)
    assert parse_formats(text.upper() if upper else text, TABLE_SINKS) == tuple(dict.fromkeys(names))


def test_what_is_no_format_is_named() -> None:
    with pytest.raises(ConfigError, match=r"xls.*csv, json, parquet"):
        parse_formats("csv,xls", TABLE_SINKS)

"""The shipped models measured as people measure them, and the facts of FER-2013 as the literature has them."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mimik.cli import main
from mimik.lab.data import join, make_faces, write_parquet
from mimik.lab.evaluate import evaluate
from mimik.lab.evaluation_page import summary_rows, write_evaluation
from mimik.processor import processor
from mimik.weights import records, verified
from mimik.words import LANGUAGES, translate
from tests.unit.lab.pictures import faces, picture, write_csv, write_picture, write_votes

pytestmark = pytest.mark.integration

SHIPPED = [record for record in records() if record.file]
DATA = os.environ.get("MIMIK_FER2013", "")
needs_data = pytest.mark.skipif(not DATA, reason="MIMIK_FER2013 is not set")


@pytest.fixture(autouse=True)
def without_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else every command would look for twins in the whole of FER-2013."""
    monkeypatch.delenv("MIMIK_FER2013", raising=False)


def run_json(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    capsys.readouterr()
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@needs_data
@pytest.mark.parametrize("record", SHIPPED, ids=lambda record: record.name)
def test_publictest_gives_what_the_record_says(record: Any, capsys: pytest.CaptureFixture[str]) -> None:
    found = run_json(capsys, "evaluate", record.name, "--data", DATA, "--split", "PublicTest")
    measured = record.measured
    assert found["faces"] == 3589
    assert found["accuracy"] == pytest.approx(measured.accuracy, abs=0.001)
    assert record.name not in ("default", "accurate", "vgg") or found["accuracy"] >= 0.69
    assert found["interval"] == pytest.approx(measured.interval, abs=0.001)
    assert found["accuracy_without_twins"] == pytest.approx(measured.accuracy_without_twins, abs=0.001)
    assert found["macro_f1"] == pytest.approx(measured.macro_f1, abs=0.002)
    assert found["nll"] == pytest.approx(measured.nll, abs=0.002)
    assert found["bytes"] == os.path.getsize(verified(record.name)[1])
    assert (found["parameters"], found["multiply_adds"]) == (record.parameters, record.multiply_adds)
    assert found["machine"].startswith(processor())
    assert found["faces_without_twins"] == 3309
    if found["ferplus_accuracy"] is not None:
        protocols = found["ferplus_protocols"]
        assert [protocols[name]["faces"] for name in ("argmax", "majority", "probability")] == [3578, 3199, 3505]
        assert found["ferplus_accuracy"] == protocols["argmax"]["accuracy"] > 0.75


@needs_data
def test_the_facts_of_fer2013(capsys: pytest.CaptureFixture[str]) -> None:
    """Of Training and PublicTest alone: PrivateTest is not here, so groups are fewer than the whole set's 1,518."""
    found = run_json(capsys, "dataset", "describe", DATA)
    assert {name: sum(counts.values()) for name, counts in found["splits"].items()} == {
        "Training": 28709,
        "PublicTest": 3589,
    }
    assert found["splits"]["Training"]["disgust"] == 436
    same = found["duplicates"]
    assert (same["groups"], same["conflicting_groups"]) == (1273, 47)
    assert {"split": "PublicTest", "twin_in": "Training", "rows": 279} in same["twins_across_splits"]
    assert sum(row < 28709 for row in found["blank"]["rows"]) == 11
    assert found["ferplus"]["agreement"] == pytest.approx(0.628, abs=0.001)
    assert found["ferplus"]["label_without_vote"] == pytest.approx(0.16, abs=0.005)
    assert len(found["ferplus"]["no_face"]) == pytest.approx(170, abs=10)
    assert 2000 < found["near_duplicates"]["pairs"] < 2400


def test_csv_folders_and_parquet_give_the_same_without_torch(tmp_path: Path) -> None:
    """The default install: neither torch nor pandas can be imported."""
    values = faces(21)
    write_csv(tmp_path / "fer.csv", values)
    write_votes(tmp_path / "votes.csv", values)
    write_parquet(values, tmp_path / "fer.parquet")
    for row, (image, label) in enumerate(zip(values.images, values.labels, strict=True)):
        name = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")[label]
        write_picture(tmp_path / "own" / name / f"{row}.png", image)
    program = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name in ('torch', 'sklearn', 'onnx', 'pandas'): raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from mimik.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )

    def run(*data: Path) -> Any:
        options = [text for path in data for text in ("--data", str(path))]
        command = [sys.executable, "-c", program, "evaluate", "default", *options, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    first, second = run(tmp_path / "fer.csv", tmp_path / "votes.csv"), run(tmp_path / "own")
    third = run(tmp_path / "fer.parquet")
    assert first["accuracy"] == second["accuracy"] == third["accuracy"]
    assert first["confusion"] == second["confusion"] == third["confusion"]
    assert first["ferplus_faces"] == third["ferplus_faces"] == 21
    assert (second["ferplus_accuracy"], second["accuracy_without_twins"]) == (None, None)


def test_another_parquet_of_the_same_columns_works_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    private = faces(21, usages=["PrivateTest"] * 21)
    write_parquet(private, tmp_path / "private.parquet")
    found = run_json(capsys, "evaluate", "default", "--data", tmp_path / "private.parquet")
    assert (found["faces"], found["splits"]) == (21, {"PrivateTest": 21})
    assert found["accuracy_without_twins"] is None
    assert 0 <= found["accuracy"] <= 1
    assert found["ferplus_faces"] == 21

    write_parquet(make_faces(private.images[:3], private.labels[:3], ["Training"] * 3), tmp_path / "learnt.parquet")
    arguments = ("--data", tmp_path / "private.parquet", "--training", tmp_path / "learnt.parquet")
    assert run_json(capsys, "evaluate", "default", *arguments)["faces_without_twins"] == 18


def test_the_environment_names_what_is_measured_and_what_was_learnt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    private = faces(21, usages=["PrivateTest"] * 21)
    learnt = make_faces(private.images[:3], private.labels[:3], ["Training"] * 3)
    write_parquet(private, tmp_path / "private.parquet")
    write_parquet(join([learnt, faces(14, usages=["PublicTest"] * 14)]), tmp_path / "fer.parquet")
    monkeypatch.setenv("MIMIK_FER2013", str(tmp_path / "fer.parquet"))
    assert run_json(capsys, "evaluate", "default", "--split", "publictest")["faces"] == 14
    alone = run_json(capsys, "evaluate", "default", "--data", tmp_path / "private.parquet")
    assert (alone["faces"], alone["faces_without_twins"]) == (21, 18)
    monkeypatch.setenv("MIMIK_FER2013", str(tmp_path / "gone.parquet"))
    alone = run_json(capsys, "evaluate", "default", "--data", tmp_path / "private.parquet")
    assert (alone["faces"], alone["accuracy_without_twins"]) == (21, None)


def test_accuracy_is_over_all_rows_unless_a_split_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_csv(tmp_path / "fer.csv", faces(28))
    assert run_json(capsys, "evaluate", "default", "--data", path)["faces"] == 28
    found = run_json(capsys, "evaluate", "default", "--data", path, "--split", "publictest")
    assert (found["faces"], found["split"]) == (7, "publictest")


def test_tta_and_corruptions_stand_beside_the_single_view() -> None:
    plain = evaluate("default", faces(21))
    ticks: list[tuple[int, int]] = []
    more = evaluate("default", faces(21), flip=True, corruptions=True, progress=lambda *tick: ticks.append(tick))
    assert more.values["accuracy"] == plain.values["accuracy"]
    assert (plain.values["tta"], plain.values["corruptions"]) == (None, None)
    assert set(more.values["corruptions"]) == {
        *("blur", "darkness", "roll_10", "roll_20", "roll_30"),
        *("mouth", "eyes", "jpeg_20", "small"),
    }
    assert 0 <= more.values["tta"]["accuracy"] <= 1
    assert ticks[-1] == (11 * 21, 11 * 21)


def test_several_models_are_measured_by_their_mean() -> None:
    shown, ticks = faces(21), []
    both = evaluate(["default-fp16", "tiny"], shown, flip=True, progress=lambda *tick: ticks.append(tick))
    alone = [evaluate(name, shown) for name in ("default-fp16", "tiny")]
    assert np.allclose(both.probabilities, (alone[0].probabilities + alone[1].probabilities) / 2, atol=1e-5)
    assert both.values["model"] == "default-fp16+tiny"
    for name in ("parameters", "multiply_adds", "bytes"):
        assert both.values[name] == sum(one.values[name] for one in alone)
    assert ticks[-1] == (2 * 2 * 21, 2 * 2 * 21)
    assert both.values["ferplus_accuracy"] is not None


def test_faces_that_a_model_was_selected_on_are_said_to_be() -> None:
    public = faces(21, usages=["PublicTest"] * 21)
    assert evaluate("default", public).values["role"].startswith("selected on")
    assert evaluate("default", faces(21)).values["role"] is None
    assert dict(summary_rows(evaluate("default", public).values, "tr"))["Bu yüzler"].startswith("model seçiminde")


def test_a_mirrored_picture_reads_the_same_with_flip() -> None:
    straight = faces(21)
    mirrored = make_faces(
        np.ascontiguousarray(straight.images[:, :, ::-1]), straight.labels, list(straight.usages), straight.counts
    )
    first, second = (evaluate("default", one, flip=True).values["tta"] for one in (straight, mirrored))
    assert first["nll"] == pytest.approx(second["nll"], abs=1e-4)
    assert first["accuracy"] == second["accuracy"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_the_json_and_the_predictions(tmp_path: Path, language: str) -> None:
    found = evaluate("default", faces(28), training=faces(7), flip=True, corruptions=True)
    page, values, rows = write_evaluation(found, tmp_path / "out", language)
    text = page.read_text()
    assert text.count('class="plot"') == 4
    for heading in ("Confusion matrix", "Under worse conditions", "ROC and precision–recall curves"):
        assert translate(heading, language) in text
    assert "http" not in text[: text.index("</main>")]
    assert json.loads(values.read_text()) == json.loads(json.dumps(found.values))
    assert len(rows.read_text().splitlines()) == 29


def test_summary_of_a_network_without_a_second_head_has_dashes() -> None:
    found = evaluate("default", faces(7, votes=False))
    rows = dict(summary_rows(found.values, "en"))
    assert rows["FER+ accuracy, 8 classes, plain argmax"] == "–"


def test_a_network_of_another_input_size_gets_its_size() -> None:
    import mimik.lab.evaluate as module

    shapes: list[tuple[int, ...]] = []

    class Fake:
        record = dataclasses.replace(verified("default")[0], side=40)

        def heads(self, crops: list[np.ndarray]) -> dict[str, np.ndarray]:
            shapes.extend(crop.shape for crop in crops)
            return {"fer": np.zeros((len(crops), 7), np.float32)}

    module.read_heads(Fake(), faces(7).images, module.Counter(7, None))  # type: ignore[arg-type]  # a fake
    assert shapes == [(40, 40)] * 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "nosuch", "--data", "fer.csv"], "nosuch: no such model"),
        (["evaluate", "default", "--data", "nowhere"], "there is no such file or folder"),
        (["evaluate", "default", "--data", "fer.csv", "--tta", "ten"], "--tta ten: not known"),
        (["evaluate", "default", "--data", "fer.csv", "--split", "X"], "no row is in split X"),
        (["evaluate", "default"], "give --data FILE"),
        (["dataset", "import", "fer.csv", "-o", "x.parquet"], "rows are missing"),
        (["dataset", "import", "fer.csv", "-o", "./fer.csv", "--force"], "-o fer.csv: this is one of the inputs"),
        (["dataset", "import", "fer.csv", "-o", "x.csv"], "-o x.csv: the file to write must end in .parquet"),
        (["dataset", "describe", "nowhere"], "there is no such file or folder"),
    ],
)
def test_errors_end_with_code_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "fer.csv", faces(7))
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert message in " ".join(said.err.split())
    assert said.out == ""
    assert not (tmp_path / "x.parquet").exists()


def test_import_then_describe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = faces(28)
    inputs = [write_csv(tmp_path / "fer.csv", values), write_votes(tmp_path / "votes.csv", values)]
    out = tmp_path / "fer.parquet"
    summary = run_json(capsys, "dataset", "import", *inputs, "-o", out, "--partial")
    assert (summary["faces"], summary["faces_with_votes"], summary["file"]) == (28, 28, str(out))
    assert summary["splits"]["Training"]["happy"] == 3
    assert main(["dataset", "describe", str(out), "-o", str(tmp_path / "page"), "--lang", "tr"]) == 0
    said = capsys.readouterr().out
    assert "Training: 21 yüz" in said
    assert "%100,0 kadarında" in said


def test_a_file_is_replaced_only_where_that_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "fer.parquet"
    out.write_text("mine")
    command = ["dataset", "import", str(write_csv(tmp_path / "fer.csv", faces(7))), "-o", str(out), "--partial"]
    assert main(command) == 2
    assert "this file is there already. Give another name, or --force" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert main([*command, "--lang", "tr"]) == 2
    assert "bu dosya zaten var" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
    assert out.read_bytes().startswith(b"PAR1")
    link = tmp_path / "link.parquet"
    link.hardlink_to(out)
    assert main(["dataset", "import", str(out), "-o", str(link), "--force"]) == 2
    assert "one of the inputs" in capsys.readouterr().err


def test_an_unknown_usage_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usages = ["Training", "publictest", "validation", "Test", "Trainig", "", "PrivateTest"]
    path = write_csv(tmp_path / "fer.csv", faces(7, usages=usages))
    command = ["dataset", "import", str(path), "--partial", "-o"]
    assert main([*command, str(tmp_path / "a.parquet"), "--split", "Own"]) == 0
    said = capsys.readouterr()
    assert "warning: Usage Trainig: no split that Mimik knows (Training, PublicTest, PrivateTest" in said.err
    assert "Usage" not in said.out
    write_csv(path, faces(7, usages=["Training"] * 7))
    assert main([*command, str(tmp_path / "b.parquet")]) == 0
    assert "Usage" not in capsys.readouterr().err


def test_what_was_done_to_pictures_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_picture(tmp_path / "own" / "mutlu" / "a.png", np.repeat(picture(0)[:, :, None], 3, 2).repeat(2, 0))
    assert main(["dataset", "describe", str(tmp_path / "own")]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "1 pictures had another size and were made 48×48; of 1 that were not square" in said
    assert "1 pictures had colours" in said

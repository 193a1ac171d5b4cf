"""The laboratory's commands as people run them, on a small made-up slice."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")

from mimik.classify import OnnxClassifier, softmax  # noqa: E402
from mimik.cli import main  # noqa: E402
from mimik.errors import ConfigError  # noqa: E402
from mimik.lab.curves import draw_curves  # noqa: E402
from mimik.lab.data import Faces, write_parquet  # noqa: E402
from mimik.lab.distil import teaching  # noqa: E402
from mimik.lab.networks import load_network  # noqa: E402
from mimik.lab.recipe import DistilRecipe, Recipe, parse_recipe  # noqa: E402
from mimik.lab.runs import make_splits, parts, read_facts, read_rows, recipe_of  # noqa: E402
from mimik.lab.sweep import read_sweep  # noqa: E402
from mimik.lab.train import train  # noqa: E402
from mimik.weights import read_record, verified  # noqa: E402
from tests.unit.lab.pictures import faces  # noqa: E402

pytestmark = pytest.mark.usefixtures("small")

Run = Callable[..., Any]

TINY = 'network = "residual"\nepochs = 1\nbatch = 42\nrate = 0.05\naugment = 0.0\nema = 0.0\n'


@pytest.fixture
def run(slice_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in a folder of its own and gives its JSON."""
    monkeypatch.setenv("MIMIK_FER2013", str(slice_file))
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert main([*arguments, "--json"]) == code, capsys.readouterr().err
        said = capsys.readouterr()
        return json.loads(said.out) if code == 0 else said.err

    return call


def test_train_then_compare_then_export(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.toml").write_text(TINY + 'origin = "age-pretrained"\n')
    Path("b.toml").write_text(TINY.replace("residual", "student-tiny"))
    found = run("train", "a.toml")
    assert 0 <= found["accuracy"] <= 1
    assert found["facts"]["finished"]
    assert "holds a run already" in run("train", "a.toml", code=2)
    assert run("train", "a.toml", "--resume")["accuracy"] == found["accuracy"]
    run("train", "b.toml")
    values = run("compare", "runs/a", "runs/b", "-o", "out")
    assert [one["run"] for one in values["runs"]] == ["a", "b"]
    assert (tmp_path / "out" / "compare.html").exists()

    made = run(
        "export", "runs/b", "-o", "models", "--form", "fp32,int8,fp16", "--name", "tiny", "--title", "A small one"
    )
    plain, whole, half = (made["forms"][form] for form in ("fp32", "int8", "fp16"))
    assert plain["max_difference"] < 1e-4
    assert plain["accuracy"] == made["trained"]["accuracy"] == values["runs"][1]["accuracy"]
    assert half["bytes"] < plain["bytes"]
    assert half["max_difference"] < 0.05
    assert whole["max_difference"] < 1
    assert made["calibrated_on"] == "126 Training pictures"
    record, file = verified("models/tiny.json")
    assert (record.title, record.measured.faces, record.epochs) == ("A small one", 42, 1)
    assert record.parameters < sum(p.numel() for p in load_network(recipe(), tmp_path / "runs/b").parameters()), "fused"
    for name in ("tiny", "tiny-int8", "tiny-fp16"):
        record, file = verified(f"models/{name}.json")
        (reading,) = OnnxClassifier(record, file).classify([np.zeros((48, 48), np.uint8)])
        assert reading.probabilities is not None
        assert reading.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert "| int8 |" in Path("models/tiny-parity.md").read_text()

    run("export", "runs/a", "-o", "records", "--form", "fp32", "--record-only")
    assert [path.name for path in Path("records").iterdir()] == ["a.json"]
    record = read_record("records/a.json")
    assert record.file is None
    assert record.data.endswith("with FER+ votes as a second head, age-pretrained")
    assert "give fp32, fp16, int8" in run("export", "runs/a", "-o", "x", "--form", "int4", code=2)
    assert "not the folder of a run" in run("export", "models", "-o", "x", code=2)


def recipe() -> Recipe:
    found = recipe_of(Path("runs/b"))
    assert isinstance(found, Recipe)
    return found


def test_hog_is_trained_by_the_same_command_and_not_exported(run: Run) -> None:
    Path("hog.toml").write_text('network = "hog-svm"\nmirror = false\n')
    assert run("train", "hog.toml")["multiply_adds"] is None
    assert "cannot be exported" in run("export", "runs/hog", "-o", "x", code=2)


def test_a_sweep_ends_in_a_page_and_goes_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = "".join(f"{line}\n" for line in TINY.splitlines() if not line.startswith("network"))
    Path("s.toml").write_text(f'[base]\n{fields}[axes]\nnetwork = ["residual", "hog-svm"]\n', encoding="utf-8")
    assert "unknown field" in run("sweep", "s.toml", code=2), "every combination is checked before any is trained"
    Path("s.toml").write_text(
        f'[base]\nnetwork = "residual"\n{fields}[axes]\nsmoothing = [0.0, 0.1]\n'
        'rate = [0.01, { name = "wild", rate = 0.1 }]\n'
    )
    names = [entry.name for entry in read_sweep(Path("s.toml"))]
    assert names == ["smoothing-0.0_rate-0.01", "smoothing-0.0_wild", "smoothing-0.1_rate-0.01", "smoothing-0.1_wild"]
    import mimik.lab.train as script

    calls = []

    def some(*arguments: Any, **options: Any) -> Path:
        calls.append(arguments[2].name)
        if len(calls) == 2:
            raise ConfigError("{path}: only networks can teach.", path="x")
        return train(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(script, "train", some)
        assert "only networks can teach" in run("sweep", "s.toml", code=1)
    assert calls == names
    assert "holds a run already" in run("sweep", "s.toml", code=2)
    values = run("sweep", "s.toml", "--resume")
    text = Path("s.toml").read_text()
    Path("s.toml").write_text(text.replace("ema = 0.0", "ema = 0.5"))
    assert "begun with other values of ema" in run("sweep", "s.toml", "--resume", code=2)
    Path("s.toml").write_text(text)
    assert {one["run"] for one in values["runs"]} == set(names)
    accuracies = [one["accuracy"] for one in values["runs"]]
    assert accuracies[0] == max(accuracies)
    assert Path("runs/s/compare.html").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = 3\n", "a table [base]"),
        ("[base]\n[axes]\n[more]\n", "a table [base]"),
        ("[axes]\nrate = 0.1\n", "axis rate must be a list"),
        ('[base]\nnetwork = "seed"\nepochs = 1\n[axes]\nrate = [{rate = 0.1, name = "a"}, {rate = 0.2, name = "a"}]\n',
         "two combinations are called a"),
        ('[base]\nnetwork = "seed"\nepochs = 1\n[axes]\nrate = [0.1, 99]\n', "(rate-99): rate cannot be 99"),
        ('[base]\nnetwork = "seed"\nepochs = 1\n[axes]\nseed = [' + "1," * 600 + "]\n", "two combinations"),
    ],
)  # fmt: skip
def test_a_bad_sweep_is_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_sweep(path)
    assert message in str(caught.value)


def test_a_student_is_taught_by_runs_and_by_teachers_that_have_not_seen_the_faces(run: Run) -> None:
    Path("a.toml").write_text(TINY)
    run("train", "a.toml")
    Path("s.toml").write_text(TINY.replace("residual", "student-tiny") + 'teachers = ["runs/a"]\n')
    assert run("distil", "s.toml")["facts"]["finished"]
    Path("t.toml").write_text(TINY.replace("residual", "student-tiny") + 'teachers = ["a.toml"]\ntemperature = 2\n')
    found = run("distil", "t.toml", "--folds", "2")
    assert found["facts"]["recipe"]["teacher_folds"] == 2
    folders = [f"runs/a-part-{fold}-of-2" for fold in (1, 2)]
    assert all(read_facts(Path(folder))["data"]["split"].startswith("Training, part") for folder in folders)
    again = recipe_of(Path("runs/t"))
    assert isinstance(again, DistilRecipe)
    assert again.teacher_folds == 2
    run("distil", "t.toml", "--folds", "2", "--resume")
    assert "has teachers: use `mimik distil`" in run("train", "t.toml", code=2)
    assert "field teachers is missing" in run("distil", "a.toml", code=2)
    Path("u.toml").write_text(TINY + 'teachers = ["runs/s"]\n')
    assert "cannot be trained anew" in run("distil", "u.toml", "--folds", "2", code=2)


def test_a_part_is_read_by_the_teacher_that_has_not_seen_it(
    slice_: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mimik.lab.distil as script

    (tmp_path / "a.toml").write_text(TINY)
    given = parse_recipe(
        {"network": "student-tiny", "epochs": 1, "teachers": [str(tmp_path / "a.toml")], "teacher_folds": 3}, tmp_path
    )
    assert isinstance(given, DistilRecipe)
    splits = make_splits(slice_, given)
    seen: list[set[int]] = []
    monkeypatch.setattr(script, "train", lambda recipe, cut, *rest, **options: seen.append(set(cut.training.rows)))

    def read(recipe: Recipe, folder: Path, images: np.ndarray, *rest: Any) -> dict[str, np.ndarray]:
        return {"fer": np.full((len(images), 7), len(seen), np.float32)}

    monkeypatch.setattr(script, "_read", read)
    shares = teaching(given, splits, tmp_path)
    assert set(shares) == {"teacher_fer"}, "a head that no teacher has does not teach"
    part = parts(splits.training, 3)
    assert (shares["teacher_fer"][:, 0] == part + 1).all()
    for fold, rows in enumerate(seen):
        assert rows == set(splits.training.rows[part != fold])


def test_own_faces_are_exported_as_they_were_judged(run: Run, tmp_path: Path) -> None:
    own = faces(7 * 24, votes=False, usages=["Training"] * 7 * 24)
    write_parquet(own, tmp_path / "own.parquet")
    Path("a.toml").write_text(TINY + "folds = 3\n")
    found = run("train", "a.toml", "--data", "own.parquet")
    made = run("export", "runs/a", "-o", "models", "--form", "fp32", "--data", "own.parquet")
    assert made["split"] == "Training, part 1 of 3"
    assert made["trained"]["accuracy"] == found["accuracy"]
    (record,) = made["records"]
    assert record["measured"]["role"].startswith("held out of training")
    assert record["data"].startswith("own Training")
    assert "FER-2013" not in record["licence"]
    assert record["shown"] is None


def test_a_head_that_was_not_trained_is_not_exported(run: Run) -> None:
    Path("a.toml").write_text(TINY + "ferplus = 0\n")
    run("train", "a.toml")
    (record,) = run("export", "runs/a", "-o", "models", "--form", "fp32")["records"]
    assert (record["shown"], "FER+" in record["data"]) == (None, False)
    assert set(OnnxClassifier.load("models/a.json").heads([np.zeros((48, 48), np.uint8)])) == {"fer"}


@pytest.mark.parametrize(
    ("fields", "arguments", "message"),
    [
        ('teachers = ["a.toml"]\n', ["--folds", "1"], "teacher_folds cannot be 1: one part leaves nothing to learn"),
        ('teachers = ["a.toml"]\n', [], "a.toml: a recipe teaches only with teacher_folds"),
        ('teachers = ["b.toml"]\n', ["--folds", "2"], "may know the faces"),
        ('teachers = ["a.toml"]\nconsistent = true\n', ["--folds", "2"], "leave consistent out"),
        ('teachers = ["no.toml"]\n', ["--folds", "2"], "no.toml"),
        ('teachers = ["seed"]\n', [], "seed: not the folder of a run"),
    ],
)
def test_teachers_that_cannot_teach_are_named(run: Run, fields: str, arguments: list[str], message: str) -> None:
    Path("a.toml").write_text(TINY)
    Path("b.toml").write_text(TINY + 'start = "default-fp16"\n')
    Path("s.toml").write_text(TINY + fields)
    assert message in run("distil", "s.toml", *arguments, code=2)


def test_a_recipe_that_is_given_must_be_there(run: Run) -> None:
    Path("a.toml").write_text(TINY)
    run("train", "a.toml")
    assert "typo.toml" in run("export", "runs/a", "-o", "x", "--config", "typo.toml", code=2)


def test_readings_that_are_cut_are_named(run: Run) -> None:
    Path("a.toml").write_text(TINY)
    run("train", "a.toml")
    whole = Path("runs/a/predictions.npz").read_bytes()
    for cut in (whole[: len(whole) // 2], b""):
        Path("runs/a/predictions.npz").write_bytes(cut)
        assert "predictions.npz" in run("compare", "runs/a", code=2)
    np.savez_compressed("runs/a/predictions.npz", fer=np.zeros((1, 7)))
    assert "labels" in run("compare", "runs/a", code=2)
    Path("runs/a/weights.pt").write_bytes(b"")
    assert "weights.pt: not a file of weights" in run("export", "runs/a", "-o", "x", code=2)


def test_a_shipped_model_teaches_by_its_name(slice_: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fields = {"network": "student-tiny", "epochs": 1, "temperature": 2.0, "ferplus": 0.5}
    given = parse_recipe(fields | {"teachers": ["tiny", "default"]}, tmp_path)
    assert isinstance(given, DistilRecipe)
    splits = make_splits(slice_, given)
    told: list[tuple[int, int]] = []
    shares = teaching(given, splits, tmp_path, tell=lambda *done: told.append(done))
    count = len(splits.training)
    assert {head: values.shape for head, values in shares.items()} == {
        "teacher_fer": (count, 7),
        "teacher_ferplus": (count, 8),
    }
    assert told[-1] == (2 * count, 2 * count)
    first = splits.training.images[0]
    views = [first, first[:, ::-1]]
    logits = [OnnxClassifier.load(name).logits(views) for name in ("tiny", "default")]
    wanted = np.mean([softmax(one / 2.0).mean(0) for one in logits], 0)
    assert np.allclose(shares["teacher_fer"][0], wanted, atol=1e-4)
    unseen = given.model_copy(update={"teacher_folds": 2})
    with pytest.raises(ConfigError, match="default"):
        teaching(unseen.model_copy(update={"teachers": ("default",)}), splits, tmp_path)


def test_without_data_or_torch_the_cure_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.toml").write_text(TINY)
    monkeypatch.delenv("MIMIK_FER2013")
    assert "give --data FILE" in run("train", "a.toml", code=2)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "torch", None)
        for command in (["train", "a.toml"], ["export", "runs/a", "-o", "x"]):
            assert "pip install 'mimik[train]'" in run(*command, code=2)


def test_epochs_are_told_in_turkish_and_a_stop_says_how_to_go_on(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.toml").write_text(TINY.replace("epochs = 1", "epochs = 2"))
    import mimik.lab.train as script

    drawn = []

    def cut(*arguments: Any) -> Any:
        drawn.append(draw_curves(*arguments))
        if len(drawn) == 1:
            raise KeyboardInterrupt
        return drawn[-1]

    monkeypatch.setattr(script, "draw_curves", cut)
    assert main(["--lang", "tr", "train", "a.toml"]) == 130
    assert "--resume" in capsys.readouterr().err
    assert main(["--lang", "tr", "train", "a.toml", "--resume"]) == 0
    said = capsys.readouterr()
    assert "tur 2/2: kayıp eğitimde" in said.err
    assert "Doğruluk" in said.out
    assert len(read_rows(Path("runs/a"))) == 2

"""Training on a small made-up slice: it learns, resumes after a cut in mid-epoch, and leaves a whole folder."""

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")

import mimik  # noqa: E402
from mimik.classify import OnnxClassifier, softmax  # noqa: E402
from mimik.errors import ConfigError, DataError  # noqa: E402
from mimik.lab.augment import augment, mixed  # noqa: E402
from mimik.lab.consensus import foretold_labels  # noqa: E402
from mimik.lab.curves import draw_curves  # noqa: E402
from mimik.lab.data import Faces, make_faces, select  # noqa: E402
from mimik.lab.distil import _lesson, distil  # noqa: E402
from mimik.lab.export import export  # noqa: E402
from mimik.lab.networks import load_mean, load_network, load_shipped, normalise, predict  # noqa: E402
from mimik.lab.recipe import DistilRecipe, HogRecipe, Recipe  # noqa: E402
from mimik.lab.runs import (  # noqa: E402
    Splits,
    make_splits,
    parts,
    read_facts,
    read_predictions,
    read_rows,
    recipe_of,
    write_rows,
)
from mimik.lab.train import _batches, _targets, train  # noqa: E402
from mimik.lab.zoo import NETWORKS  # noqa: E402
from mimik.weights import read_record  # noqa: E402
from tests.unit.lab.pictures import picture  # noqa: E402

pytestmark = pytest.mark.usefixtures("small")

# Where the processor has bf16, a trial chooses; two runs that are compared must not depend on that.
CONFIG = 'network = "residual"\nepochs = 3\nbatch = 18\nrate = 0.05\naugment = 0.0\nema = 0.5\nbf16 = "off"\n'


def recipe(**fields: Any) -> Recipe:
    return Recipe.model_validate(
        {"network": "residual", "epochs": 3, "batch": 18, "rate": 0.05, "augment": 0.0, "ema": 0.5, "bf16": "off"}
        | fields
    )


def curve(run: Path) -> np.ndarray:
    names = ("epoch", "rate", "training_loss", "training_accuracy", "validation_loss", "validation_accuracy")
    return np.array([[row[name] for name in names] for row in read_rows(run)])


class Alone:
    """A team of one, or one of several that do not talk."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    def share(self, batch: Any) -> Any:
        return batch[self.rank :: self.size]


def test_it_learns_and_leaves_a_whole_folder(slice_: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimik.lab.train.draw_curves", draw_curves)
    told: list[tuple[int, int]] = []
    given = recipe(epochs=4)
    splits = make_splits(slice_, given)
    train(given, splits, tmp_path, config=CONFIG.replace("3", "4", 1), tell=lambda *done: told.append(done))
    found = curve(tmp_path)
    assert found[-1][2] < found[0][2], "the loss falls"
    assert (told[0], told[-1], len(told)) == ((1, 28), (28, 28), 28)
    assert recipe_of(tmp_path) == given
    facts = read_facts(tmp_path)
    assert facts["finished"]
    told_of = {name: value for name, value in facts["data"].items() if not name.endswith("sha256")}
    assert told_of == {"training": 126, "validation": 42, "split": "PublicTest"}
    assert {"torch", "numpy", "python"} <= set(facts["versions"])
    assert (facts["seed"], facts["precision"], facts["processes"]) == (1, "fp32", 1)
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert "</svg>" in (tmp_path / "curves.svg").read_text()
    assert list((tmp_path / "tensorboard").glob("events.out.tfevents.*"))
    read = read_predictions(tmp_path)
    assert (read.fer.shape, read.split, bool(read.alone.all())) == ((42, 7), "PublicTest", True)
    assert read.ferplus is not None
    logits, _ = predict(load_network(given, tmp_path), splits.validation.images)
    assert np.allclose(read.fer, logits.numpy(), atol=1e-5)
    assert not list(tmp_path.glob("*.part*"))


@pytest.mark.parametrize(
    "fields",
    [{"augment": 1.0, "mixup": 0.4, "degrade": 0.5}, {"optimiser": "adam", "rate": 0.01, "ema": 0.0, "patience": 9}],
    ids=["sgd", "adam"],
)
def test_a_run_cut_in_mid_epoch_goes_on_to_the_same_curve(
    fields: dict[str, Any], slice_: Faces, tmp_path: Path
) -> None:
    given = recipe(**fields)
    splits = make_splits(slice_, given)
    train(given, splits, tmp_path / "whole")

    def cut(done: int, total: int) -> None:
        if done == 7 + 4:  # the fourth step of the second epoch
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(given, splits, tmp_path / "cut", tell=cut)
    assert len(curve(tmp_path / "cut")) == 1
    train(given, splits, tmp_path / "cut", resume=True)
    assert np.allclose(curve(tmp_path / "cut"), curve(tmp_path / "whole"), rtol=1e-4, atol=1e-6)
    facts = read_facts(tmp_path / "cut")
    assert [one["epoch"] for one in facts["resumed"]] == [1]
    before, after = (read_predictions(tmp_path / name).fer for name in ("whole", "cut"))
    assert np.allclose(before, after, atol=1e-3)


def test_a_run_that_was_cut_teaches_and_begins_nothing(slice_: Faces, tmp_path: Path) -> None:
    """Its weights are not what its recipe gives. Copied elsewhere they may be begun from."""

    def cut(done: int, total: int) -> None:
        if done == 7 + 4:
            raise KeyboardInterrupt

    given = recipe()
    splits = make_splits(slice_, given)
    with pytest.raises(KeyboardInterrupt):
        train(given, splits, tmp_path / "cut", tell=cut)
    weights = tmp_path / "cut" / "weights.pt"
    taught = DistilRecipe.model_validate(given.model_dump() | {"teachers": [str(tmp_path / "cut")]})
    with pytest.raises(ConfigError, match="this run was cut"):
        train(recipe(start=str(weights)), splits, tmp_path / "run")
    with pytest.raises(ConfigError, match="this run was cut"):
        distil(taught, slice_, tmp_path / "taught")
    with pytest.raises(ConfigError, match="this run was cut"):
        export(tmp_path / "cut", slice_, tmp_path / "models")
    (tmp_path / "copied").mkdir()
    (tmp_path / "copied" / "weights.pt").write_bytes(weights.read_bytes())
    train(recipe(start=str(tmp_path / "copied" / "weights.pt"), epochs=1), splits, tmp_path / "run", resume=True)


def test_a_student_that_was_cut_goes_on_with_what_its_teachers_had_read(slice_: Faces, tmp_path: Path) -> None:
    """To the same curve, though they are gone; but not with readings made for another recipe."""
    given = recipe()
    train(given, make_splits(slice_, given), tmp_path / "teacher")
    taught = DistilRecipe.model_validate(given.model_dump() | {"teachers": [str(tmp_path / "teacher")]})
    distil(taught, slice_, tmp_path / "whole")

    def cut(after: int) -> Callable[[int, int], None]:
        def tell(done: int, total: int) -> None:
            if done == after:
                raise KeyboardInterrupt

        return tell

    for name, after in (("first", 3), ("second", 7 + 4)):  # the fourth step of the first epoch, and of the second
        with pytest.raises(KeyboardInterrupt):
            distil(taught, slice_, tmp_path / name, tell=cut(after))
    (tmp_path / "teacher").rename(tmp_path / "gone")
    distil(taught, slice_, tmp_path / "second", resume=True)
    assert np.allclose(curve(tmp_path / "second"), curve(tmp_path / "whole"), rtol=1e-4, atol=1e-6)
    warmer = taught.model_copy(update={"temperature": 5.0})
    with pytest.raises(ConfigError, match="teacher"):  # it must be read anew
        distil(warmer, slice_, tmp_path / "first", resume=True)
    (tmp_path / "first" / "teaching.npz").write_bytes(b"PK")
    with pytest.raises(ConfigError, match="teacher"):
        distil(taught, slice_, tmp_path / "first", resume=True)


@pytest.mark.parametrize(("kept", "chosen"), [("fp32", True), ("bf16", False)])
def test_a_run_cut_in_its_first_epoch_keeps_its_kind_of_number(
    kept: str, chosen: bool, slice_: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a trial finds by then: another kind would be another curve."""

    def cut(done: int, total: int) -> None:
        raise KeyboardInterrupt

    given = recipe(bf16="auto", epochs=1)
    splits = make_splits(slice_, given)
    monkeypatch.setattr("mimik.lab.train.choose_bf16", lambda *_: kept == "bf16")
    with pytest.raises(KeyboardInterrupt):
        train(given, splits, tmp_path, tell=cut)
    monkeypatch.setattr("mimik.lab.train.choose_bf16", lambda *_: chosen)
    train(given, splits, tmp_path, resume=True)
    assert read_facts(tmp_path)["precision"] == kept


def test_a_recipe_that_names_its_kind_of_number_is_obeyed(
    slice_: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even in the folder of a run that was cut in its first epoch with the other kind."""

    def cut(done: int, total: int) -> None:
        raise KeyboardInterrupt

    given = recipe(bf16="auto", epochs=1)
    splits = make_splits(slice_, given)
    with monkeypatch.context() as patch:
        patch.setattr("mimik.lab.train.choose_bf16", lambda *_: True)
        with pytest.raises(KeyboardInterrupt):
            train(given, splits, tmp_path, tell=cut)
    train(recipe(bf16="off", epochs=1), splits, tmp_path, resume=True)
    assert read_facts(tmp_path)["precision"] == "fp32"


@pytest.mark.parametrize("split", ["Validation", "Test"])
def test_without_publictest_a_run_is_judged_on_what_there_is(split: str, slice_: Faces, tmp_path: Path) -> None:
    """The folders of the student project and one's own have no PublicTest."""
    usages = ["Training" if usage == "Training" else split for usage in slice_.usages]
    own = make_faces(slice_.images, slice_.labels, usages, slice_.counts)
    given = recipe(epochs=1)
    train(given, make_splits(own, given), tmp_path / "run")
    assert read_predictions(tmp_path / "run").split == split
    record = export(tmp_path / "run", own, tmp_path / "models", forms=("fp32",)).records[0]
    assert record.measured is not None
    assert record.measured.split == split


def test_losses_in_training_and_judged_are_of_one_kind(slice_: Faces, tmp_path: Path) -> None:
    """The FER-2013 head's, not the sum of what is learnt from; and the rate is the one learnt at."""
    given = recipe(epochs=1, schedule="plateau", plateau_patience=0, rate=1e-6, ema=0.0, smoothing=0.0)
    splits = make_splits(slice_, given)
    train(given, replace(splits, validation=splits.training), tmp_path)
    row = read_rows(tmp_path)[0]
    assert row["training_loss"] == pytest.approx(np.log(7), rel=0.15)
    assert row["rate"] == 1e-6
    assert (tmp_path / "metrics.csv").read_text().splitlines()[1].startswith("1,")
    write_rows(tmp_path, read_rows(tmp_path))
    assert (tmp_path / "metrics.csv").read_text().splitlines()[1].startswith("1,")


def test_a_run_that_stops_is_the_beginning_of_the_whole_one(slice_: Faces, tmp_path: Path) -> None:
    whole, stopped = recipe(epochs=3), recipe(epochs=3, stop=2)
    splits = make_splits(slice_, whole)
    told: list[tuple[int, int]] = []
    train(whole, splits, tmp_path / "whole")
    train(stopped, splits, tmp_path / "stopped", tell=lambda *done: told.append(done))
    assert told[-1] == (14, 14)
    assert np.allclose(curve(tmp_path / "stopped"), curve(tmp_path / "whole")[:2], rtol=1e-4, atol=1e-6)
    assert read_facts(tmp_path / "stopped")["finished"]


def test_a_cut_between_metrics_and_checkpoint_leaves_no_line_twice(slice_: Faces, tmp_path: Path) -> None:
    given = recipe(epochs=2)
    splits = make_splits(slice_, given)
    train(given, splits, tmp_path)
    rows = read_rows(tmp_path)
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    train(recipe(epochs=1, schedule="constant"), splits, tmp_path / "other")
    write_rows(tmp_path, [*rows, rows[-1] | {"epoch": 3}])
    train(given, splits, tmp_path, resume=True)
    assert saved["state"]["epoch"] == 2
    train(given, splits, tmp_path, resume=True)
    assert read_facts(tmp_path)["epochs"] == 2


def test_a_run_of_before_goes_on_and_ends(slice_: Faces, tmp_path: Path) -> None:
    """The first script's folder: no config, no run.json, other names in metrics.csv, a shorter state."""
    given = recipe(optimiser="adam", rate=0.01, ema=0.0, patience=5)
    splits = make_splits(slice_, given)
    train(recipe(optimiser="adam", rate=0.01, ema=0.0, patience=5, epochs=2), splits, tmp_path)
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    saved["state"] = {name: saved["state"][name] for name in ("epoch", "best", "waited")}
    torch.save(saved, tmp_path / "checkpoint.pt")
    old = [
        {
            "epoch": int(row["epoch"]),
            "rate": row["rate"],
            "training_loss": row["training_loss"],
            "publictest_loss": row["validation_loss"],
            "publictest_accuracy": row["validation_accuracy"],
            "seconds": row["seconds"],
        }
        for row in read_rows(tmp_path)
    ]
    with (tmp_path / "metrics.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, old[0])
        writer.writeheader()
        writer.writerows(old)
    for name in ("config.toml", "run.json", "predictions.npz"):
        (tmp_path / name).unlink()
    train(given, splits, tmp_path, resume=True)
    rows = read_rows(tmp_path)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert [row["validation_loss"] for row in rows[:2]] == [row["publictest_loss"] for row in old]
    assert read_predictions(tmp_path).fer.shape == (42, 7)
    facts = read_facts(tmp_path)
    assert (facts["finished"], facts["commit"]) == (True, "unknown")


def test_a_broken_checkpoint_is_named(slice_: Faces, tmp_path: Path) -> None:
    given = recipe(epochs=1)
    splits = make_splits(slice_, given)
    train(given, splits, tmp_path)
    whole = (tmp_path / "checkpoint.pt").read_bytes()
    (tmp_path / "checkpoint.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigError, match=r"checkpoint\.pt: a broken file, from which the run cannot go on"):
        train(given, splits, tmp_path, resume=True)


def test_a_run_notes_the_digests_of_the_weights_that_it_begins_from(slice_: Faces, tmp_path: Path) -> None:
    """Names come to mean other weights; the model's record keeps the digests, too."""
    first = recipe(network="student-tiny", epochs=1)
    train(first, make_splits(slice_, first), tmp_path / "first")
    weights = tmp_path / "first" / "weights.pt"
    given = DistilRecipe.model_validate(
        first.model_dump() | {"start": str(weights), "teachers": [str(tmp_path / "first"), "tiny"]}
    )
    distil(given, slice_, tmp_path / "second")
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    wanted = {str(weights): digest, str(tmp_path / "first"): digest, "tiny": read_record("tiny").sha256}
    assert read_facts(tmp_path / "second")["weights"] == wanted
    made = export(tmp_path / "second", slice_, tmp_path / "models", forms=("fp16",))
    assert read_record(str(next(path for path in made.files if path.suffix == ".json"))).weights == wanted


def test_the_commit_is_mimiks_own(tmp_path: Path) -> None:
    """Not that of a repository in which somebody's environment lies."""
    package = tmp_path / "lib" / "mimik"
    shutil.copytree(Path(mimik.__file__).parent, package, ignore=shutil.ignore_patterns("weights", "__pycache__"))
    (package / "weights").mkdir()
    shutil.copy(Path(mimik.__file__).parent / "weights" / "__init__.py", package / "weights")
    for command in (
        ["init", "-q"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x", "--allow-empty"],
    ):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    program = "import mimik.lab.runs as runs; print(runs.__file__, runs.commit())"
    told = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(tmp_path / "lib")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == [str(package / "lab" / "runs.py"), "unknown"]


def test_consistent_teachers_read_what_the_student_sees(slice_: Faces, tmp_path: Path) -> None:
    """The mean of a run's and a shipped network's softened shares; nothing is read beforehand, so nothing is kept."""
    first = recipe(network="student-tiny", epochs=1)
    train(first, make_splits(slice_, first), tmp_path / "first")
    teachers = [str(tmp_path / "first"), "default-fp16"]
    changes = {"augment": 1.0, "mixup": 0.4, "temperature": 2.0, "teachers": teachers, "consistent": True}
    given = DistilRecipe.model_validate(first.model_dump() | changes)
    lesson = _lesson(given, make_splits(slice_, given))
    images = slice_.images[:5]
    said = lesson(normalise(torch.from_numpy(images)[:, None] / 255), False)
    run, shipped = predict(load_network(first, tmp_path / "first"), images), OnnxClassifier.load("default-fp16", 1)
    for place, head in enumerate(("fer", "ferplus")):
        logits = run[place]
        assert logits is not None
        wanted = (softmax(logits.numpy() / 2) + softmax(shipped.heads(list(images))[head] / 2)) / 2
        np.testing.assert_allclose(said[f"teacher_{head}"].numpy(), wanted, atol=2e-3)
    distil(given, slice_, tmp_path / "taught")
    assert not (tmp_path / "taught" / "teaching.npz").exists()
    assert np.isfinite(curve(tmp_path / "taught")).all()
    with pytest.raises(ConfigError, match="tiny: a run cannot begin from this model"):
        _lesson(given.model_copy(update={"teachers": ("tiny",)}), make_splits(slice_, given))


def test_a_folder_with_a_run_is_not_overwritten(slice_: Faces, tmp_path: Path) -> None:
    given = recipe(epochs=1)
    splits = make_splits(slice_, given)
    train(given, splits, tmp_path, config=CONFIG.replace("3", "1", 1))
    with pytest.raises(ConfigError, match=r"holds a run already\. Give --resume"):
        train(given, splits, tmp_path)
    with pytest.raises(ConfigError, match="begun with other values of rate, smoothing"):
        train(recipe(epochs=1, rate=0.1, smoothing=0.0), splits, tmp_path, resume=True)
    with pytest.raises(ConfigError, match="begun with other values of epochs"):
        train(recipe(epochs=2), splits, tmp_path, resume=True)  # a cosine would have had other rates
    other = Splits(select(splits.training, np.arange(100)), splits.validation, splits.name)
    with pytest.raises(ConfigError, match="begun on other data"):
        train(given, other, tmp_path, resume=True)


def test_it_stops_early_and_keeps_the_best_epochs_weights(slice_: Faces, tmp_path: Path) -> None:
    given = recipe(epochs=9, patience=1, ema=0.0, rate=0.4, schedule="constant")
    splits = make_splits(slice_, given)
    train(given, splits, tmp_path)
    losses = [row["validation_loss"] for row in read_rows(tmp_path)]
    assert len(losses) < 9
    assert losses[-1] >= min(losses)
    logits, _ = predict(load_network(given, tmp_path), splits.validation.images)
    kept = torch.nn.functional.cross_entropy(logits, torch.from_numpy(splits.validation.labels)).item()
    assert kept == pytest.approx(min(losses), rel=1e-3)


def test_the_last_epochs_weights_are_kept_where_asked(slice_: Faces, tmp_path: Path) -> None:
    given = recipe(epochs=2, keep="last", patience=9)
    splits = make_splits(slice_, given)
    train(given, splits, tmp_path)
    logits, _ = predict(load_network(given, tmp_path), splits.validation.images)
    last = torch.nn.functional.cross_entropy(logits, torch.from_numpy(splits.validation.labels)).item()
    assert last == pytest.approx(read_rows(tmp_path)[-1]["validation_loss"], rel=1e-3)


def test_a_loss_that_ran_away_ends_the_run_with_a_cure(slice_: Faces, tmp_path: Path) -> None:
    given = recipe(rate=10.0, schedule="constant", ema=0.0, start=str(tmp_path / "bad.pt"))
    state = NETWORKS["residual"]().state_dict()
    torch.save(
        {name: value * float("nan") if value.is_floating_point() else value for name, value in state.items()},
        tmp_path / "bad.pt",
    )
    with pytest.raises(ConfigError, match=r"loss of epoch 1 is no number any more\. Lower the rate"):
        train(given, make_splits(slice_, given), tmp_path / "run")


def test_several_starts_are_averaged(slice_: Faces, tmp_path: Path) -> None:
    given = recipe(epochs=1)
    splits = make_splits(slice_, given)
    files = [train(recipe(epochs=1, seed=seed), splits, tmp_path / str(seed)) for seed in (1, 2, 3)]
    network = NETWORKS[given.network]()
    load_mean(network, files)
    states = [torch.load(file, weights_only=True) for file in files]
    for name, values in network.state_dict().items():
        mean = torch.stack([state[name].double() for state in states]).mean(0)
        assert torch.allclose(values.double(), mean, atol=1e-5), name
    again = recipe(epochs=1, start=tuple(map(str, files)))
    train(again, splits, tmp_path / "mean")
    assert recipe_of(tmp_path / "mean") == again


def test_start_weights_that_do_not_fit_are_named(slice_: Faces, tmp_path: Path) -> None:
    torch.save({}, tmp_path / "empty.pt")
    (tmp_path / "broken.pt").write_bytes(b"nonsense")
    torch.save(NETWORKS["mini-xception"]().state_dict(), tmp_path / "other.pt")
    words = {
        "empty": "weights of another",
        "other": "weights of another",
        "broken": "not a file of",
        "missing": "no such",
    }
    for name, said in words.items():
        given = recipe(start=str(tmp_path / f"{name}.pt"))
        with pytest.raises(ConfigError, match=rf"{name}\.pt: {said}"):
            train(given, make_splits(slice_, given), tmp_path / "run")
    given = recipe(batch=127)
    with pytest.raises(ConfigError, match="batch 127 is more than the 126 faces"):
        train(given, make_splits(slice_, given), tmp_path / "run")


def test_a_shipped_model_is_trained_on_from_where_it_is(slice_: Faces) -> None:
    """Its normalisations, which the file has folded, say the same in evaluation and nearly the same in training."""
    network = NETWORKS["residual-deep"]()
    load_shipped(network, "default-fp16", slice_.images)
    fer, ferplus = predict(network, slice_.images)
    heads = OnnxClassifier.load("default-fp16", 1).heads(list(slice_.images))
    assert ferplus is not None
    np.testing.assert_allclose(fer.numpy(), heads["fer"], atol=2e-3)
    np.testing.assert_allclose(ferplus.numpy(), heads["ferplus"], atol=2e-3)
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert norms
    assert all(norm.running_var is not None and bool((norm.running_var > 0).all()) for norm in norms)
    # What is folded has filters of all lengths, some so short that the first step would undo them.
    filters = [module.weight.flatten(1) for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    assert all(torch.allclose(each.norm(dim=1), torch.ones(len(each)), atol=1e-5) for each in filters)


@pytest.mark.parametrize(("network", "name"), [("residual-teacher", "default-fp16"), ("residual-deep", "default")])
def test_a_shipped_model_that_does_not_fit_is_named(slice_: Faces, network: str, name: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: a run cannot begin from this model"):
        load_shipped(NETWORKS[network](), name, slice_.images)


def test_targets_lean_on_what_ten_people_said(slice_: Faces) -> None:
    """Where the votes tell the label they say so; one label against its votes is moved towards them."""
    training = make_splits(slice_, recipe()).training
    foretold = foretold_labels(training)
    np.testing.assert_allclose(foretold.sum(1), 1, atol=1e-5)
    assert (foretold.argmax(1) == training.labels).all()
    labels = training.labels.copy()
    labels[0] = (labels[0] + 1) % 7
    odd = make_faces(training.images, labels, list(training.usages), training.counts)
    assert foretold_labels(odd)[0].argmax() == training.labels[0]
    plain = _targets(recipe(smoothing=0.0), odd, {})["fer"][0].numpy()
    leaning = _targets(recipe(smoothing=0.0, consensus=0.4), odd, {})["fer"][0].numpy()
    np.testing.assert_allclose(leaning, 0.6 * plain + 0.4 * foretold_labels(odd)[0], atol=1e-5)


def test_without_votes_targets_stay_the_labels(slice_: Faces) -> None:
    bare = make_faces(slice_.images, slice_.labels, list(slice_.usages))
    np.testing.assert_array_equal(foretold_labels(bare), np.eye(7, dtype=np.float32)[bare.labels])


def test_bf16_trains_where_asked(slice_: Faces, tmp_path: Path) -> None:
    given = recipe(epochs=1, bf16="on")
    train(given, make_splits(slice_, given), tmp_path)
    assert read_facts(tmp_path)["precision"] == "bf16"
    state = torch.load(tmp_path / "weights.pt", weights_only=True)
    assert all(value.dtype != torch.bfloat16 for value in state.values())
    assert np.isfinite(curve(tmp_path)).all()


def test_together_processes_take_each_row_of_the_global_order_once(slice_: Faces) -> None:
    given = recipe()
    training = make_splits(slice_, given).training
    targets = {"row": torch.arange(len(training))[:, None].float()}

    def order(rank: int, size: int, epoch: int = 1) -> list[list[int]]:
        team: Any = Alone(rank, size)
        batches = _batches(training.images, targets, given, epoch, team)
        return [wanted["row"][:, 0].int().tolist() for _, wanted in batches]

    whole, first, second = order(0, 1), order(0, 2), order(1, 2)
    assert len(whole) == 7
    for together, one, other in zip(whole, first, second, strict=True):
        assert (together[::2], together[1::2]) == (one, other)
    assert order(0, 1) == whole
    assert order(0, 1) != order(0, 1, epoch=2)


def test_a_head_that_learnt_nothing_is_left_out(slice_: Faces, tmp_path: Path) -> None:
    bare = replace(slice_, counts=np.zeros_like(slice_.counts), votes=np.zeros_like(slice_.votes))
    for name, faces, given in (
        ("weight", slice_, recipe(epochs=1, ferplus=0.0)),
        ("votes", bare, recipe(epochs=1)),
    ):
        run = tmp_path / name
        train(given, make_splits(faces, given), run)
        assert read_facts(run)["ferplus"] is False
        assert read_predictions(run).ferplus is None
        assert "validation_ferplus_accuracy" not in read_rows(run)[0]
        assert predict(load_network(given, run), slice_.images[:2])[1] is None


def test_a_run_goes_on_without_what_it_began_from(slice_: Faces, tmp_path: Path) -> None:
    train(recipe(epochs=1), make_splits(slice_, recipe()), tmp_path / "first")
    given = recipe(start=str(tmp_path / "first" / "weights.pt"), stop=1)
    train(given, make_splits(slice_, given), tmp_path / "second")
    (tmp_path / "first" / "weights.pt").unlink()
    longer = given.model_copy(update={"stop": 2})
    train(longer, make_splits(slice_, longer), tmp_path / "second", resume=True)
    assert len(read_rows(tmp_path / "second")) == 2


def test_a_run_goes_on_with_its_own_labels_and_votes_alone(slice_: Faces, tmp_path: Path) -> None:
    given = recipe(stop=1)
    train(given, make_splits(slice_, given), tmp_path)
    longer = recipe(stop=2)
    for changed in (replace(slice_, labels=slice_.labels[::-1].copy()), replace(slice_, counts=slice_.counts * 0)):
        with pytest.raises(ConfigError, match="was begun on other data"):
            train(longer, make_splits(changed, longer), tmp_path, resume=True)
    train(longer, make_splits(slice_, longer), tmp_path, resume=True)
    assert len(read_rows(tmp_path)) == 2


def test_more_epochs_would_move_when_faces_grow(slice_: Faces, tmp_path: Path) -> None:
    given = recipe(schedule="constant", epochs=2, sides=(32, 48))
    train(given, make_splits(slice_, given), tmp_path)
    longer = given.model_copy(update={"epochs": 4})
    with pytest.raises(ConfigError, match="was begun with other values of epochs"):
        train(longer, make_splits(slice_, longer), tmp_path, resume=True)


def test_a_rise_of_one_step_is_one(slice_: Faces, tmp_path: Path) -> None:
    given = recipe(epochs=2, batch=25, warmup=0.1)  # ten steps
    train(given, make_splits(slice_, given), tmp_path)
    assert len(read_rows(tmp_path)) == 2


def test_faces_grow_while_a_run_goes_on(slice_: Faces, tmp_path: Path) -> None:
    given = recipe(epochs=2, sides=(32, 48))
    training = make_splits(slice_, given).training
    team: Any = Alone()
    targets = {"row": torch.arange(len(training))[:, None].float()}
    shapes = [next(_batches(training.images, targets, given, epoch, team))[0].shape for epoch in (0, 1)]
    assert shapes == [(18, 1, 32, 32), (18, 1, 48, 48)]
    train(given, make_splits(slice_, given), tmp_path)
    assert len(read_rows(tmp_path)) == 2


def test_a_network_of_one_size_takes_no_smaller_faces(slice_: Faces, tmp_path: Path) -> None:
    given = recipe(network="seed", sides=(32, 48))
    with pytest.raises(ConfigError, match="sides: seed takes faces of 48 pixels alone"):
        train(given, make_splits(slice_, given), tmp_path)


def test_class_weights_let_each_expression_count_the_same(slice_: Faces) -> None:
    training = make_splits(slice_, recipe()).training
    few = select(training, np.flatnonzero((training.labels != 1) | (np.arange(len(training)) < 20)))
    plain = _targets(recipe(smoothing=0.0), few, {})["fer"]
    weighted = _targets(recipe(smoothing=0.0, class_weights=1.0), few, {})["fer"]
    assert plain.sum(0)[1] < plain.sum(0)[0]
    assert torch.allclose(weighted.sum(0), weighted.sum(0)[0].expand(7))
    assert weighted.sum().item() == pytest.approx(len(few))
    smooth = _targets(recipe(smoothing=0.14), few, {})["fer"]
    assert smooth[0].max().item() == pytest.approx(0.88)
    assert torch.allclose(smooth.sum(1), torch.ones(len(few)))


def test_augmentation_keeps_shape_and_range_and_repeats_by_seed() -> None:
    faces = torch.rand(16, 1, 48, 48)
    for options in ({}, {"degrade": 1.0, "erasing": 1.0, "turn": 40.0}):
        first = augment(faces, torch.Generator().manual_seed(3), **options)
        assert first.shape == faces.shape
        assert 0 <= first.min() <= first.max() <= 1
        assert torch.equal(first, augment(faces, torch.Generator().manual_seed(3), **options))
        assert not torch.equal(first, augment(faces, torch.Generator().manual_seed(4), **options))


def test_worse_pictures_are_a_share_of_them() -> None:
    faces = torch.rand(200, 1, 48, 48)
    worse = augment(faces, torch.Generator().manual_seed(3), 0.0, erasing=0.0, degrade=0.5)
    plain = augment(faces, torch.Generator().manual_seed(3), 0.0, erasing=0.0)
    changed = (worse - plain).abs().amax((1, 2, 3)) > 0.01
    assert 0.35 < changed.float().mean() < 0.65


def test_mixtures_have_the_targets_of_both_faces() -> None:
    faces = torch.arange(8.0).view(8, 1, 1, 1).expand(8, 1, 4, 4)
    targets = {"fer": torch.eye(8)}
    mixture, wanted = mixed(faces, targets, torch.Generator().manual_seed(5), 0.4)
    assert torch.allclose(wanted["fer"].sum(1), torch.ones(8))
    expected = (wanted["fer"] * torch.arange(8.0)).sum(1)
    assert torch.allclose(mixture[:, 0, 0, 0], expected, atol=1e-5)
    assert (wanted["fer"].amax(1) < 1).any()


def test_parts_keep_twins_together_and_leave_no_row_out() -> None:
    images = np.stack([picture(number // 3) for number in range(90)])
    twins = make_faces(images, np.zeros(90, np.int64), ["Training"] * 90)
    part = parts(twins, 4)
    assert all(len(set(part[start : start + 3])) == 1 for start in range(0, 90, 3))
    assert sorted(np.bincount(part)) == [21, 21, 24, 24]


def test_a_fold_leaves_a_part_out_and_publictest_unseen(slice_: Faces) -> None:
    folds = [make_splits(slice_, recipe(folds=3, fold=fold)) for fold in range(3)]
    held = np.concatenate([one.validation.rows for one in folds])
    assert sorted(held) == sorted(slice_.rows[slice_.usages == "Training"])
    for number, one in enumerate(folds):
        assert one.name == f"Training, part {number + 1} of 3"
        assert not set(one.training.rows) & set(one.validation.rows)
        assert set(one.training.usages) == set(one.validation.usages) == {"Training"}


def test_clean_leaves_out_blank_pictures_and_what_is_no_face(slice_: Faces) -> None:
    images, counts = slice_.images.copy(), slice_.counts.copy()
    images[3], counts[5] = 7, 0
    counts[5, -1] = 10
    usages = [str(one) for one in slice_.usages]
    dirty = make_faces(images, slice_.labels, usages, counts, slice_.rows)
    kept = make_splits(dirty, recipe(clean=True)).training.rows
    assert sorted(set(make_splits(dirty, recipe()).training.rows) - set(kept)) == [3, 5]


def test_data_without_the_splits_are_refused(slice_: Faces) -> None:
    training = select(slice_, slice_.usages == "Training")
    with pytest.raises(DataError, match="no rows of split PublicTest; their splits: Training"):
        make_splits(training, recipe())
    assert len(make_splits(training, recipe(folds=2)).validation)


def test_hog_and_svm_end_in_the_same_kind_of_folder(slice_: Faces, tmp_path: Path) -> None:
    from mimik.lab.hog import train_hog

    given = HogRecipe(network="hog-svm", mirror=False)
    splits = make_splits(slice_, given)
    train_hog(given, splits, tmp_path, config='network = "hog-svm"\nmirror = false\n')
    (row,) = read_rows(tmp_path)
    assert row["validation_accuracy"] > 0.9, "bars at seven heights are what histograms of gradients see"
    read = read_predictions(tmp_path)
    assert (read.fer.argmax(1) == read.labels).mean() == pytest.approx(row["validation_accuracy"])
    facts = read_facts(tmp_path)
    assert (facts["finished"], facts["multiply_adds"], facts["parameters"]) == (True, None, 900 * 7 + 7)
    written = (tmp_path / "predictions.npz").stat().st_mtime_ns
    train_hog(given, splits, tmp_path, resume=True)
    assert (tmp_path / "predictions.npz").stat().st_mtime_ns == written
    with pytest.raises(ConfigError, match="holds a run already"):
        train_hog(given, splits, tmp_path)
    assert json.loads((tmp_path / "run.json").read_text())["recipe"]["network"] == "hog-svm"


def test_curves_are_drawn_in_turkish_of_one_epoch_with_older_names(tmp_path: Path) -> None:
    rows = [{"epoch": 1.0, "training_loss": 2.0, "validation_loss": 1.5, "validation_accuracy": 0.4}]
    draw_curves(rows, "PublicTest", tmp_path, "tr")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curves.png", "curves.svg"]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_gives_seven_logits_a_face(name: str) -> None:
    network = NETWORKS[name]().eval()
    with torch.inference_mode():
        fer, ferplus = network(torch.zeros(3, 1, 48, 48))
    assert fer.shape == (3, 7)
    assert ferplus is None or ferplus.shape == (3, 8)

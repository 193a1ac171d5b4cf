"""A run's folder: its recipe, the facts of how it was made, a line of metrics an epoch, and its readings.

config.toml       the recipe, as given
run.json          seed, commit, weights begun from, versions, machine, data, size, outcome
metrics.csv       one line an epoch
curves.png/.svg   the same as figures
checkpoint.pt     where a run that was cut goes on
weights.pt        the kept weights (hog.npz for HOG and SVM)
teaching.npz      what a student's teachers read
predictions.npz   what the kept weights read on the validation rows
tensorboard/      the same curves for TensorBoard
"""

import csv
import hashlib
import importlib.metadata
import io
import json
import platform
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimik.errors import ConfigError, DataError
from mimik.lab.data import Faces, select
from mimik.lab.duplicates import blank
from mimik.lab.recipe import AnyRecipe, as_toml, parse_recipe, read_recipe, read_toml
from mimik.processor import instructions, processor
from mimik.weights import shipped, verified

__all__ = [
    "Predictions",
    "Row",
    "Splits",
    "check_finished",
    "check_recipe",
    "commit",
    "digests",
    "environment",
    "make_splits",
    "parts",
    "pictures_digest",
    "prepare",
    "read_facts",
    "read_predictions",
    "read_rows",
    "read_teaching",
    "recipe_of",
    "write_facts",
    "write_predictions",
    "write_rows",
    "write_teaching",
]

Row = dict[str, float]
"""One epoch's metrics by name; the names are the columns of ``metrics.csv``."""

_JUDGES = ("PublicTest", "Validation", "Test")
"""Splits that runs are judged on, the first that the data have."""

_OF_A_RUN = ("config.toml", "run.json", "metrics.csv", "checkpoint.pt", "weights.pt", "hog.npz", "predictions.npz")
"""Any of these files says that a folder is a run's, be it cut or made before runs had all of them."""

_NO_ARRAYS = (OSError, EOFError, ValueError, zipfile.BadZipFile)
"""What `_read_arrays` raises of a file that is missing or broken."""

_PACKAGES = ("mimik", "torch", "numpy", "scikit-learn", "scikit-image", "onnx", "onnxruntime")


@dataclass(frozen=True, slots=True, eq=False)
class Splits:
    """What a run learns from and is judged on.

    Attributes:
        training: the rows learnt from.
        validation: the rows judged on after each epoch.
        name: what the second are, ``PublicTest``, ``Validation`` or ``Training, part 1 of 5``.
    """

    training: Faces
    validation: Faces
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What a run's kept weights read on its validation rows.

    Attributes:
        fer: ``(N, 7)`` float32 logits.
        ferplus: ``(N, 8)`` float32 logits; None where the network has no such head.
        labels: ``(N,)`` FER-2013 labels.
        ferplus_labels: ``(N,)`` plain-argmax FER+ labels, -1 for rows without; in the order of `FERPLUS`.
        rows: ``(N,)`` row numbers of the original data.
        alone: ``(N,)`` whether no identical picture was learnt from.
        split: what the rows are.
    """

    fer: NDArray[np.float32]
    ferplus: NDArray[np.float32] | None
    labels: NDArray[np.int64]
    ferplus_labels: NDArray[np.int64]
    rows: NDArray[np.int64]
    alone: NDArray[np.bool_]
    split: str


def parts(faces: Faces, count: int) -> NDArray[np.int64]:
    """``(N,)`` which of so many parts each face is in; identical pictures are in one, sizes nearly equal."""
    _, group = np.unique(faces.twins.astype(str), return_inverse=True)
    return np.asarray(np.random.default_rng(0).permutation(group.max() + 1)[group] % count, np.int64)


def make_splits(faces: Faces, recipe: AnyRecipe) -> Splits:
    """Cut labelled faces into what a recipe learns from and what it is judged on.

    Raises:
        DataError: a split has no rows.
    """
    training = _split(faces, "Training")
    if recipe.folds:
        part = parts(training, recipe.folds)
        held = select(training, part == recipe.fold)
        training, name = select(training, part != recipe.fold), f"Training, part {recipe.fold + 1} of {recipe.folds}"
    else:
        name = next((name for name in _JUDGES if name in faces.usages), _JUDGES[0])
        held = _split(faces, name)
    if recipe.clean:
        faceless = training.counts[:, -1] > training.counts[:, :-1].max(1)
        training = select(training, ~blank(training) & ~faceless)
    return Splits(training, held, name)


def _split(faces: Faces, name: str) -> Faces:
    chosen = faces.usages == name
    if not chosen.any():
        raise DataError(
            "The data have no rows of split {split}; their splits: {splits}. Networks learn from Training and are "
            "judged on PublicTest, else Validation, else Test; where there is none, set `folds = 5` in the recipe, "
            "which lays a fifth of Training aside. `mimik dataset import FILE --split Training` names faces without a "
            "split.",
            split=name,
            splits=", ".join(sorted(set(faces.usages.astype(str)))),
        )
    return select(faces, chosen)


def prepare(run: Path, recipe: AnyRecipe, config: str | None, *, resume: bool) -> None:
    """Make a run's folder, or make sure that the run in it is this one and may go on.

    Args:
        run: the folder.
        recipe: what will be done.
        config: the text of its TOML file; None: it is written anew.
        resume: go on with what is there.

    Raises:
        ConfigError: the folder holds a run and `resume` is off, or another recipe's run.
    """
    if _holds_run(run) and not resume:
        raise ConfigError(
            "{run} holds a run already. Give --resume to go on with it, or another folder by --runs.", run=run
        )
    check_recipe(run, recipe)
    run.mkdir(parents=True, exist_ok=True)
    (run / "config.toml").write_text(as_toml(recipe) if config is None else config, encoding="utf-8")


def _holds_run(run: Path) -> bool:
    return (run / "checkpoint.pt").exists() or (run / "predictions.npz").exists()


def check_recipe(run: Path, recipe: AnyRecipe) -> None:
    """Make sure that a folder holds no other recipe's run.

    Raises:
        ConfigError: it does.
    """
    saved = run / "config.toml"
    if _holds_run(run) and saved.exists():
        before = read_recipe(saved)
        changed = [
            name
            for name in sorted({*type(before).model_fields, *type(recipe).model_fields})
            if getattr(before, name, None) != getattr(recipe, name, None)
        ]
        # A longer run of the same steps is the same run. Under a cosine the number of epochs bends every rate, and
        # where faces grow it moves when.
        bends = (
            getattr(recipe, "schedule", "") == "cosine"
            or (getattr(recipe, "schedule", "") == "auto" and getattr(recipe, "optimiser", "") != "adam")
            or len(getattr(recipe, "sides", ())) > 1
        )
        free = {"patience", "stop"} if bends else {"patience", "stop", "epochs"}
        if set(changed) - free:
            raise ConfigError(
                "{run} was begun with other values of {fields}. Give the recipe that it was begun with "
                "({config}), or another folder by --runs.",
                run=run,
                fields=", ".join(changed),
                config=saved,
            )


def check_finished(run: Path) -> None:
    """Make sure that a run was not cut: what it had learnt by then would be taken for what it learns.

    Raises:
        ConfigError: it was. A run that holds no record of it, as older ones do, passes.
    """
    if not read_facts(run).get("finished", True):
        raise ConfigError(
            "{run}: this run was cut. Finish it first, by the same command with --resume; or copy its weights.pt to "
            "another folder to use them as they are.",
            run=run,
        )


def recipe_of(run: Path, config: Path | None = None) -> AnyRecipe:
    """A run's recipe: of the file given, of its folder, or, for runs made before folders had one, of ``configs``.

    Raises:
        ConfigError: there is none, or it is not a recipe.
    """
    if config is not None:
        return parse_recipe(read_toml(config), config)
    for path in (run / "config.toml", Path("configs") / f"{run.resolve().name}.toml"):
        if path.exists():
            return parse_recipe(read_toml(path), path)
    raise ConfigError("{run}: not the folder of a run: it has no config.toml.", run=run)


def read_rows(run: Path) -> list[Row]:
    """The lines of ``metrics.csv``; none where it is missing. Names of older runs are given their present ones."""
    try:
        text = (run / "metrics.csv").read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [
        {
            name.replace("publictest_", "validation_"): int(float(value)) if name == "epoch" else float(value)
            for name, value in row.items()
            if value
        }
        for row in csv.DictReader(io.StringIO(text))
    ]


def write_rows(run: Path, rows: Sequence[Row]) -> None:
    """Write ``metrics.csv`` whole, so that a cut never leaves half a line."""
    names = list(dict.fromkeys(name for row in reversed(rows) for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    _replace(run / "metrics.csv", text.getvalue().encode())


def environment(recipe: AnyRecipe, splits: Splits) -> dict[str, Any]:
    """Where and of what a run is made, for ``run.json``."""
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "network": recipe.network,
        "recipe": recipe.model_dump(),
        "seed": recipe.seed,
        "commit": commit(),
        "weights": digests(recipe),
        "versions": versions,
        "machine": {"system": platform.platform(), "processor": processor(), "instructions": instructions()},
        "data": {
            "training": len(splits.training),
            "validation": len(splits.validation),
            "split": splits.name,
            "sha256": pictures_digest(splits.training),
            "labels_sha256": _digest(splits),
        },
    }


def pictures_digest(faces: Faces) -> str:
    """SHA-256 of all pictures in their order."""
    return hashlib.sha256("".join(faces.twins.astype(str)).encode()).hexdigest()


def _digest(splits: Splits) -> str:
    """Of labels and votes, and of the pictures that are judged on."""
    digest = hashlib.sha256("".join(splits.validation.twins.astype(str)).encode())
    for faces in (splits.training, splits.validation):
        digest.update(faces.labels.astype(np.int64).tobytes())
        digest.update(faces.counts.astype(np.int64).tobytes())
    return digest.hexdigest()


def commit() -> str:
    """The commit of the code, with ``-dirty`` where files differ from it; ``unknown`` outside git."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        # An environment may lie in somebody's own repository, which says nothing of this code.
        subprocess.run([*git, "ls-files", "--error-unmatch", Path(__file__).name], capture_output=True, check=True)  # noqa: S603
        told = subprocess.run(  # noqa: S603
            [*git, "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return told.stdout.strip() or "unknown"


def digests(recipe: AnyRecipe) -> dict[str, str]:
    """SHA-256 of the weights that a recipe begins from and is taught by, by the names it gives them; of files there."""
    names = dict.fromkeys((*getattr(recipe, "starts", ()), *getattr(recipe, "teachers", ())))
    own = shipped()
    found = {}
    for name in names:
        file = Path(name) / "weights.pt" if Path(name).is_dir() else Path(name)
        if name in own:
            file = verified(name)[1]
        if file.is_file() and file.suffix != ".toml":
            found[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def read_facts(run: Path) -> dict[str, Any]:
    """``run.json``; empty where it is missing, as in runs made before folders had one."""
    try:
        found: dict[str, Any] = json.loads((run / "run.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def write_facts(run: Path, facts: Mapping[str, Any]) -> None:
    """Write ``run.json``."""
    _replace(run / "run.json", (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode())


def write_predictions(run: Path, found: Predictions) -> None:
    """Write ``predictions.npz``."""
    arrays = {name: getattr(found, name) for name in Predictions.__slots__ if getattr(found, name) is not None}
    _write_arrays(run / "predictions.npz", arrays)


def read_predictions(run: Path) -> Predictions:
    """Read ``predictions.npz``.

    Raises:
        ConfigError: there is no run, it is not finished, or the file is broken.
    """
    file = run / "predictions.npz"
    try:
        arrays = _read_arrays(file)
        values: dict[str, Any] = {name: arrays.get(name) for name in Predictions.__slots__}
    except (FileNotFoundError, NotADirectoryError) as error:
        if not run.exists():
            raise ConfigError(
                "{run}: there is no such folder. Give a run's folder, such as runs/NAME.", run=run
            ) from error
        if not any((run / name).is_file() for name in _OF_A_RUN):
            raise ConfigError(
                "{run}: not the folder of a run. Give one that `mimik train` made, such as runs/NAME.", run=run
            ) from error
        raise ConfigError(
            "{run}: no predictions.npz: not a finished run. `mimik train CONFIG --resume` finishes it.", run=run
        ) from error
    except _NO_ARRAYS as error:
        raise ConfigError("{path}: {detail}", path=file, detail=error) from error
    missing = [name for name, value in values.items() if value is None and name != "ferplus"]
    if missing:
        raise ConfigError("{path}: lacks {names}. Train the run anew.", path=file, names=", ".join(missing))
    return Predictions(**values | {"split": str(values["split"])})


def write_teaching(run: Path, mark: str, shares: Mapping[str, NDArray[np.float32]]) -> None:
    """Write ``teaching.npz``: what teachers read, and a text by which it is known to be of the same recipe and data."""
    _write_arrays(run / "teaching.npz", {"mark": np.array(mark), **shares})


def read_teaching(run: Path, mark: str) -> dict[str, NDArray[np.float32]] | None:
    """Read ``teaching.npz``; None where it is missing, broken or of another recipe or other data."""
    try:
        values = _read_arrays(run / "teaching.npz")
    except _NO_ARRAYS:
        return None
    return values if str(values.pop("mark", "")) == mark else None


def _read_arrays(path: Path) -> dict[str, Any]:
    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
        return dict(arrays)


def _write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    data = io.BytesIO()
    np.savez_compressed(data, allow_pickle=False, **arrays)
    _replace(path, data.getvalue())


def _replace(path: Path, data: bytes) -> None:
    """Write beside and rename, so that a cut leaves the file as it was."""
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(data)
    beside.replace(path)

"""Turn a trained run into model files with their records, checked against the trained network: ``mimik export RUN``.

Every file is measured on PublicTest through the same code that reads faces live, and calibrated by itself.
"""

import dataclasses
import hashlib
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import nn

from mimik.classify import OnnxClassifier, softmax
from mimik.errors import ConfigError, WeightsError
from mimik.lab.calibration import (
    cross_fitted_ece,
    f1_scores,
    fit_temperature,
    negative_log_likelihood,
    thresholds,
    wilson_interval,
)
from mimik.lab.data import SIDE, Faces
from mimik.lab.evaluate import read_heads
from mimik.lab.metrics import ferplus_labels
from mimik.lab.networks import MEAN, STD, load_network, predict
from mimik.lab.quantise import CALIBRATION, write_fp16, write_fp32, write_int8
from mimik.lab.recipe import DistilRecipe, HogRecipe, Recipe
from mimik.lab.runs import Splits, check_finished, make_splits, read_facts, read_rows, recipe_of
from mimik.lab.shown import fit_shown
from mimik.lab.zoo.size import fused, multiply_adds
from mimik.types import Emotion, Thresholds
from mimik.weights import Measured, Record, write_record

__all__ = ["FORMS", "Export", "export"]

Form = Literal["fp32", "fp16", "int8"]

FORMS: tuple[Form, ...] = ("fp32", "fp16", "int8")
"""What a file may hold: fp32 numbers; the same stored as fp16; int8 arithmetic."""

LICENCE = (
    "Weights: MIT, like the code. Training data: FER-2013 was gathered by a web search for a 2013 challenge and is "
    "used in research; the rights in its pictures are not cleared. FER+ votes: MIT (Microsoft)."
)

OWN_LICENCE = "Weights and training data: whoever trained it says."

_FAITHFUL = 1e-3
"""How far logits of the fp32 file may be from the trained network's."""

_TIMED = 100


@dataclass(frozen=True, slots=True)
class Export:
    """What was written.

    Attributes:
        records: a record a form.
        parity: how each form differs from the trained network, ready for JSON.
        files: every file written.
    """

    records: tuple[Record, ...]
    parity: dict[str, Any]
    files: tuple[Path, ...]


def export(
    run: Path,
    faces: Faces,
    folder: Path,
    *,
    name: str | None = None,
    title: str | None = None,
    config: Path | None = None,
    forms: Sequence[Form] = ("fp32", "int8"),
    ship: bool = True,
) -> Export:
    """Export a run and measure it. The first form takes the name, the others add theirs: ``NAME-int8``.

    Args:
        run: the run's folder.
        faces: labelled faces with their splits.
        folder: where ONNX files, records and ``NAME-parity.md`` go.
        name: the model's name; the run's folder's where absent.
        title: what the model is, in a line.
        config: the run's TOML file, for runs without one of their own.
        forms: what to write.
        ship: keep the ONNX files; without it records alone are written.

    Raises:
        ConfigError: the run holds no network, or was cut.
        WeightsError: the fp32 file does not read as the trained network does.
    """
    recipe = recipe_of(run, config)
    if isinstance(recipe, HogRecipe):
        raise ConfigError("{run}: HOG and SVM cannot be exported; it is there to be compared with.", run=run)
    # As it is measured and told: on PublicTest, whatever the run was judged on; of other data, on what that was.
    official = recipe.model_copy(update={"folds": 0, "fold": 0})
    splits = make_splits(faces, official if "PublicTest" in faces.usages else recipe)
    check_finished(run)
    network = fused(load_network(recipe, run))
    name = name or run.resolve().name
    draft = _draft(name, title or f"{recipe.network}, {recipe.origin}", recipe, run, network, splits)
    trained = predict(network, splits.validation.images)
    fer, ferplus = (None if part is None else part.numpy() for part in trained)
    assert fer is not None
    labels = splits.validation.labels
    rows: dict[str, Any] = {}
    records, files = [], []
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch) / "plain.onnx"
        write_fp32(network, plain)
        for place, form in enumerate(forms):
            called = f"{name}-{form}" if place else name
            file = Path(scratch) / f"{called}.onnx"
            _write(form, plain, file, splits.training.images)
            classifier = OnnxClassifier(draft, file)
            heads = read_heads(classifier, splits.validation.images)
            differences = [np.abs(heads["fer"] - fer).max()]
            if ferplus is not None:
                differences.append(np.abs(heads["ferplus"] - ferplus).max())
            if form == "fp32" and max(differences) > _FAITHFUL * max(1.0, float(np.abs(fer).max())):
                raise WeightsError(
                    "{path}: its logits differ from the trained network's by {difference}.",
                    path=file.name,
                    difference=max(differences),
                )
            rows[form] = _scores(heads, splits.validation) | {
                "max_difference": float(max(differences)),
                "same_reading": float((heads["fer"].argmax(1) == fer.argmax(1)).mean()),
                "bytes": file.stat().st_size,
                "ms_a_face": _milliseconds(draft, file, splits.validation.images[0]),
            }
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            record = dataclasses.replace(
                draft, name=called, file=file.name if ship else None, sha256=digest if ship else None
            )
            record = _measured(record, heads["fer"], splits)
            if ferplus is not None and splits.validation.counts.any():
                record = dataclasses.replace(record, shown=fit_shown(heads, splits.validation, splits.name))
            if ship:
                (folder / file.name).write_bytes(file.read_bytes())
                files.append(folder / file.name)
            write_record(record, folder / f"{called}.json")
            records.append(record)
            files.append(folder / f"{called}.json")
    before = _scores({"fer": fer} | ({} if ferplus is None else {"ferplus": ferplus}), splits.validation)
    parity = {
        "run": str(run),
        "split": splits.name,
        "role": _role(splits),
        "faces": len(labels),
        "trained": before,
        "forms": rows,
        "calibrated_on": f"{min(CALIBRATION, len(splits.training))} Training pictures" if "int8" in forms else None,
        "ms_a_face_how": f"one face alone, one thread, median of {_TIMED}, ONNX Runtime",
    }
    if ship:
        report = folder / f"{name}-parity.md"
        report.write_text(_report(name, parity), encoding="utf-8")
        files.append(report)
    return Export(tuple(records), parity, tuple(files))


def _report(name: str, parity: dict[str, Any]) -> str:
    """What `Export.parity` says, as Markdown."""

    def per_cent(share: float | None) -> str:
        return "–" if share is None else f"{share:.2%}"

    before = parity["trained"]
    rows = [f"| trained | {per_cent(before['accuracy'])} | {per_cent(before['ferplus_accuracy'])} | | | | |"]
    rows += [
        f"| {form} | {per_cent(one['accuracy'])} | {per_cent(one['ferplus_accuracy'])} | {one['max_difference']:.2g} | "
        f"{one['same_reading']:.2%} | {one['bytes'] / 1e6:.2f} | {one['ms_a_face']:.2f} |"
        for form, one in parity["forms"].items()
    ]
    notes = [f"Time: {parity['ms_a_face_how']}."]
    if parity["calibrated_on"]:
        notes.append(f"Ranges of int8: {parity['calibrated_on']}.")
    return "\n".join(
        [
            f"# `{name}`: files against the trained network",
            "",
            f"{parity['split']} ({parity['role']}), {parity['faces']:,} faces, single view. Written by `mimik export`.",
            "",
            "| form | accuracy | FER+ accuracy | greatest difference of logits | same reading | MB | ms a face |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
            *notes,
            "",
        ]
    )


def _official(splits: Splits) -> bool:
    """Whether the data are FER-2013, not somebody's own."""
    return splits.name == "PublicTest"


def _role(splits: Splits) -> str:
    if _official(splits):
        return "selected on; temperature and thresholds fitted on"
    return "held out of training; temperature and thresholds fitted on"


def _draft(name: str, title: str, recipe: Recipe, run: Path, network: nn.Module, splits: Splits) -> Record:
    """The record of a network that is not measured yet."""
    training, facts = splits.training, read_facts(run)
    data = f"{'FER-2013' if _official(splits) else 'own'} Training ({len(training):,} faces)"
    if recipe.folds:
        data += f" without part {recipe.fold + 1} of {recipe.folds}"
    if isinstance(getattr(network, "ferplus", None), nn.Linear):
        data += " with FER+ votes as a second head"
    if isinstance(recipe, DistilRecipe):
        many = len(recipe.teachers)
        data += f", taught by {many} networks" if many > 1 else ", taught by another network"
        data += " that had not seen the face" if recipe.teacher_folds else ""
    return Record(
        name=name,
        title=title,
        file=None,
        sha256=None,
        licence=LICENCE if _official(splits) else OWN_LICENCE,
        data=f"{data}, {recipe.origin}",
        recipe=recipe.model_dump(mode="json"),
        commit=facts.get("commit", "unknown"),
        weights=facts.get("weights", {}),
        epochs=len(read_rows(run)),
        side=SIDE,
        mean=MEAN,
        std=STD,
        labels=tuple(Emotion),
        parameters=sum(p.numel() for p in network.parameters()),
        multiply_adds=multiply_adds(network),
        temperature=1.0,
        thresholds=Thresholds(sure=1.0, uncertain=0.0),
        measured=Measured("", "", 0, "", 0, (0, 0), 0, 0, {}, 0, 0),
    )


def _write(form: Form, plain: Path, file: Path, training: NDArray[np.uint8]) -> None:
    if form == "int8":
        chosen = np.random.default_rng(0).permutation(len(training))[:CALIBRATION]
        write_int8(plain, file, training[chosen])
    elif form == "fp16":
        write_fp16(plain, file)
    else:
        file.write_bytes(plain.read_bytes())


def _scores(heads: dict[str, NDArray[np.float32]], faces: Faces) -> dict[str, float | None]:
    wanted = ferplus_labels(faces.counts, "argmax")
    ferplus = None
    if "ferplus" in heads and (wanted >= 0).any():
        ferplus = float((heads["ferplus"].argmax(1) == wanted)[wanted >= 0].mean())
    return {"accuracy": float((heads["fer"].argmax(1) == faces.labels).mean()), "ferplus_accuracy": ferplus}


def _milliseconds(record: Record, file: Path, image: NDArray[np.uint8]) -> float:
    classifier = OnnxClassifier(record, file, threads=1)
    times = []
    for _ in range(_TIMED + 10):
        started = time.perf_counter()
        classifier.logits([image])
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times[10:])


def _measured(record: Record, logits: NDArray[np.float32], splits: Splits) -> Record:
    """The record with its temperature, its thresholds and how well it does."""
    faces, training = splits.validation, splits.training
    temperature = fit_temperature(logits, faces.labels)
    right = logits.argmax(1) == faces.labels
    alone = ~np.isin(faces.twins.astype(str), training.twins.astype(str))
    f1 = f1_scores(logits.argmax(1), faces.labels)
    measured = Measured(
        split=splits.name,
        role=_role(splits),
        faces=len(faces),
        view="single view, the 48×48 picture fed straight, FER-2013 labels",
        accuracy=float(right.mean()),
        interval=wilson_interval(int(right.sum()), len(right)),
        accuracy_without_twins=float(right[alone].mean()),
        macro_f1=float(np.mean(f1)),
        f1=dict(zip((str(emotion) for emotion in Emotion), f1, strict=True)),
        nll=negative_log_likelihood(logits, faces.labels, temperature),
        ece=cross_fitted_ece(logits, faces.labels, faces.twins),
    )
    return dataclasses.replace(
        record,
        temperature=temperature,
        thresholds=thresholds(softmax(logits / temperature), faces.labels),
        measured=measured,
    )

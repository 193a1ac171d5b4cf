"""Model records: what a network is, where it came from and how well it does.

A record is a JSON file beside its ONNX file, written by `mimik.lab.export`; preprocessing is read from it, so that
training, evaluation and live use share one.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from mimik.errors import WeightsError
from mimik.types import Emotion, Thresholds

__all__ = ["FERPLUS", "Measured", "Record", "Shown", "read_record", "records", "shipped", "verified", "write_record"]

FERPLUS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
"""The eight emotions of FER+, in the order of its file and of a network's second head."""


@dataclass(frozen=True, slots=True)
class Measured:
    """How well a network did.

    Attributes:
        split: the split of FER-2013 that it was measured on.
        role: what the split was used for besides, ``selected on`` for instance.
        faces: rows of the split.
        view: what was fed, ``single view, 48×48 picture fed straight`` for instance.
        accuracy: share of rows whose label the network gave, 0–1.
        interval: 95 % Wilson interval of `accuracy`.
        accuracy_without_twins: the same without the rows that have a pixel-identical picture in Training.
        macro_f1: mean of the seven classes' F1.
        f1: each class's F1, by emotion.
        nll: mean negative log likelihood after the temperature, in nats.
        ece: expected calibration error in 15 bins, the temperature fitted on the other folds (five, twins together).
    """

    split: str
    role: str
    faces: int
    view: str
    accuracy: float
    interval: tuple[float, float]
    accuracy_without_twins: float
    macro_f1: float
    f1: dict[str, float]
    nll: float
    ece: float


@dataclass(frozen=True, slots=True)
class Shown:
    """Which of a network's heads people are shown, and how far it may be believed.

    Attributes:
        head: ``ferplus``: the FER+ head without contempt, in the order of `Emotion`.
        temperature: its logits are divided by it before softmax.
        thresholds: when a reading is sure, uncertain or withheld.
        split: the split of FER-2013 that all of this was fitted and measured on.
        faces: rows in which most FER+ taggers saw one of the seven.
        agreement: share of these whose class the head gave, 0–1.
        interval: 95 % Wilson interval of `agreement`.
        agreement_of_fer: the same share for the FER-2013 head, for comparison.
        ece: expected calibration error against the likeliest FER+ vote, cross-fitted as in `Measured.ece`.
    """

    head: str
    temperature: float
    thresholds: Thresholds
    split: str
    faces: int
    agreement: float
    interval: tuple[float, float]
    agreement_of_fer: float
    ece: float


@dataclass(frozen=True, slots=True)
class Record:
    """All that is known of a network.

    Attributes:
        name: how it is asked for.
        title: what it is, in a line.
        file: its ONNX file, beside the record; None where the network is a baseline that is not shipped.
        sha256: of the file, in hexadecimal; None without file.
        licence: of the weights, and what is known of the data's.
        data: what it was trained on.
        recipe: the training run's configuration.
        commit: the commit of the code that trained it.
        weights: SHA-256 of what it began from and was taught by, by the names that its recipe gives them; empty where
            that was not noted.
        epochs: passes over Training that were done.
        side: height and width of its input, pixels.
        mean: taken from pixels in 0–1 …
        std: … and then divided by.
        labels: the classes, in the order of its outputs.
        parameters: trained numbers.
        multiply_adds: for one face.
        temperature: logits of the FER-2013 head are divided by it before softmax.
        thresholds: when a reading of the FER-2013 head is sure, uncertain or withheld.
        measured: how well the FER-2013 head did.
        shown: what people are shown instead of the FER-2013 head; None: that head itself.
    """

    name: str
    title: str
    file: str | None
    sha256: str | None
    licence: str
    data: str
    recipe: dict[str, Any]
    commit: str
    epochs: int
    side: int
    mean: float
    std: float
    labels: tuple[str, ...]
    parameters: int
    multiply_adds: int
    temperature: float
    thresholds: Thresholds
    measured: Measured
    shown: Shown | None = None
    weights: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def states(self) -> Thresholds:
        """When a reading, as it is shown, is sure, uncertain or withheld."""
        return self.thresholds if self.shown is None else self.shown.thresholds


def records() -> tuple[Record, ...]:
    """The records that come with Mimik, the default first."""
    folder = Path(str(files("mimik.weights")))
    found = [read_record(str(path)) for path in sorted(folder.glob("*.json"))]
    return tuple(sorted(found, key=lambda record: (record.name != "default", record.name)))


def shipped() -> tuple[str, ...]:
    """The names of the models whose networks come with Mimik, the default first; of baselines the records alone do."""
    return tuple(record.name for record in records() if record.file is not None)


def read_record(name_or_path: str) -> Record:
    """The record of a shipped network, by its name, or of the user's own, by the path of its JSON file.

    Raises:
        WeightsError: there is none, or it is not a record.
    """
    path = _path(name_or_path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        run = Path(name_or_path)
        if any((run / name).is_file() for name in ("config.toml", "weights.pt")):
            raise WeightsError(
                "{run} is a run's folder, not a model. Export it first: `mimik export {run} -o models --data FILE`. "
                "Then give models/{name}.json.",
                run=name_or_path,
                name=run.resolve().name,
            ) from error
        raise WeightsError(
            "{name}: no such model. Give one of {shipped}, or the path of a model record (.json).",
            name=name_or_path,
            shipped=", ".join(shipped()),
        ) from error
    except (OSError, ValueError) as error:
        raise WeightsError("{path}: not a model record ({detail}).", path=path, detail=error) from error
    try:
        record = Record(
            **values
            | {
                "labels": tuple(values["labels"]),
                "thresholds": Thresholds(**values["thresholds"]),
                "measured": Measured(**values["measured"] | {"interval": tuple(values["measured"]["interval"])}),
                "shown": _shown(values.get("shown")),
            }
        )
    except (KeyError, TypeError) as error:
        raise WeightsError("{path}: not a model record ({detail}).", path=path, detail=error) from error
    if record.file is not None and (not record.file or Path(record.file).name != record.file):
        raise WeightsError("{path}: the model's file must lie beside its record.", path=path)
    if record.labels != tuple(Emotion):
        raise WeightsError("{path}: the labels must be {labels}.", path=path, labels=", ".join(Emotion))
    return record


def _shown(values: dict[str, Any] | None) -> Shown | None:
    if values is None:
        return None
    shown = Shown(**values | {"thresholds": Thresholds(**values["thresholds"]), "interval": tuple(values["interval"])})
    if shown.head != "ferplus":
        raise KeyError(f"shown.head: {shown.head}")
    return shown


def verified(name_or_path: str) -> tuple[Record, Path]:
    """A record and its ONNX file, whose digest was checked.

    Raises:
        WeightsError: there is no such record, or its file is missing or is not the one that was recorded.
    """
    record = read_record(name_or_path)
    if record.file is None:
        raise WeightsError(
            "{name}: this baseline is measured but not shipped. Train it with `mimik train`.",
            name=record.name,
        )
    path = _path(name_or_path).with_name(record.file)
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(
            "{path}: the model's file cannot be read ({detail}).", path=path, detail=error.strerror
        ) from error
    if digest != record.sha256:
        raise WeightsError("{path}: not the file that its record describes. Install Mimik again.", path=path)
    return record, path


def write_record(record: Record, path: Path) -> None:
    """Write a record as JSON."""
    path.write_text(json.dumps(dataclasses.asdict(record), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _path(name_or_path: str) -> Path:
    if name_or_path.endswith(".json"):
        return Path(name_or_path)
    return Path(str(files("mimik.weights"))) / f"{name_or_path}.json"

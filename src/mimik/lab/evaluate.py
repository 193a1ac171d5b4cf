"""Measures a network on labelled faces, through the code that reads faces live; needs no torch."""

import dataclasses
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mimik.classify import FERPLUS_SEVEN, OnnxClassifier, softmax
from mimik.lab.calibration import (
    Labels,
    coverage_curve,
    expected_calibration_error,
    f1_scores,
    negative_log_likelihood,
    wilson_interval,
)
from mimik.lab.corruptions import CORRUPTIONS, corrupted
from mimik.lab.data import Faces, Progress
from mimik.lab.metrics import (
    PROTOCOLS,
    confusion,
    ferplus_labels,
    precision_recall,
    precision_recall_curve,
    reliability,
    roc_curve,
    seven_labels,
)
from mimik.processor import processor, with_instructions
from mimik.types import Emotion
from mimik.weights import Record, verified

__all__ = ["ECE_BINS", "VIEW", "Counter", "Evaluation", "Readings", "evaluate", "read_heads"]

ECE_BINS = 15
"""Bins of equal width of confidence for the calibration error and the reliability diagram."""

VIEW = "single view, the 48×48 picture fed straight, FER-2013 labels"

_BATCH = 64
_TIMED = 200
_POINTS = 101


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """What a network gave, a row a face.

    Attributes:
        fer: ``(N, 7)`` float32 logits.
        ferplus: ``(N, 8)`` float32 logits, None where the network has no such head.
    """

    fer: NDArray[np.float32]
    ferplus: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """A network's measures on a set of faces.

    Attributes:
        record: the network's record.
        faces: what it was measured on.
        probabilities: ``(N, 7)`` calibrated readings, single view.
        values: every measure, ready for JSON; see docs/evaluation.md.
    """

    record: Record
    faces: Faces
    probabilities: NDArray[np.float32]
    values: dict[str, Any]


def evaluate(
    models: str | Sequence[str],
    faces: Faces,
    *,
    training: Faces | None = None,
    flip: bool = False,
    corruptions: bool = False,
    threads: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure a network, or several whose calibrated probabilities are averaged.

    Args:
        models: a shipped network's name or the path of a record; or several of them.
        faces: what to measure on.
        training: the faces that it learnt from, to measure without their twins; None where unknown.
        flip: measure the mean of each picture and its mirror image as well.
        corruptions: measure under each of `CORRUPTIONS` as well.
        threads: processor threads; 0: one a core.
        progress: told how many pictures were read, of how many.

    Raises:
        WeightsError: there is no such network.
    """
    measured = _Measured([models] if isinstance(models, str) else models, threads)
    record = measured.record
    passes = 1 + flip + corruptions * len(CORRUPTIONS)
    count = Counter(passes * len(faces) * len(measured.files), progress)
    single = measured.read(faces.images, count)
    probabilities = softmax(single.fer / record.temperature)
    values: dict[str, Any] = {
        "model": record.name,
        "title": record.title,
        "faces": len(faces),
        "role": record.measured.role if set(faces.usages) == {record.measured.split} else None,
        "splits": {str(name): int(many) for name, many in zip(*_unique(faces.usages), strict=True)},
        "view": VIEW,
        **_headline(single.fer, faces.labels, record.temperature),
        **_without_twins(single.fer, faces, training),
        **_by_class(probabilities, faces.labels),
        "reliability": reliability(probabilities, faces.labels, ECE_BINS),
        **_coverage(probabilities, faces.labels, record),
        **_ferplus(single, faces),
        "parameters": record.parameters,
        "multiply_adds": record.multiply_adds,
        **_cost(measured, faces.images[:1]),
        "tta": None,
        "corruptions": None,
    }
    if flip:
        values["tta"] = _flipped(measured, faces, single, count)
    if corruptions:
        values["corruptions"] = {
            one.name: _scored(measured.read(corrupted(faces.images, one), count).fer.argmax(1) == faces.labels)
            | {"what": one.title}
            for one in CORRUPTIONS
        }
    return Evaluation(record, faces, probabilities, values)


class _Measured:
    """A network, or several as one (an ensemble, Hansen and Salamon 1990).

    Attributes:
        record: the network's; of several the first's, with all their names, parameters and multiply-adds.
        files: their files.
    """

    def __init__(self, models: Sequence[str], threads: int) -> None:
        found = [verified(model) for model in models]
        self.files = [file for _, file in found]
        self.classifiers = [OnnxClassifier(record, file, threads) for record, file in found]
        self.record = found[0][0]
        if len(found) > 1:
            every = [record for record, _ in found]
            self.record = dataclasses.replace(
                self.record,
                name="+".join(record.name for record in every),
                title="mean of " + ", ".join(record.name for record in every),
                parameters=sum(record.parameters for record in every),
                multiply_adds=sum(record.multiply_adds for record in every),
                temperature=1.0,
                shown=None,
            )

    def read(self, images: NDArray[np.uint8], count: "Counter") -> Readings:
        """Logits; of several networks the logarithm of their mean probability takes the logits' place."""
        heads = [read_heads(classifier, images, count) for classifier in self.classifiers]
        every = [Readings(one["fer"], one.get("ferplus")) for one in heads]
        if len(every) == 1:
            return every[0]
        warmth = [classifier.record.temperature for classifier in self.classifiers]
        fer = _mean([softmax(one.fer / each) for one, each in zip(every, warmth, strict=True)])
        second = [softmax(one.ferplus) for one in every if one.ferplus is not None]
        return Readings(fer, _mean(second) if len(second) == len(every) else None)


def _mean(shares: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.asarray(np.log(np.mean(shares, 0) + 1e-12), np.float32)


class Counter:
    """Counts pictures over several passes."""

    def __init__(self, total: int, tell: Progress | None) -> None:
        self._done, self._total, self._tell = 0, total, tell

    def add(self, count: int) -> None:
        self._done += count
        if self._tell:
            self._tell(self._done, self._total)


def read_heads(
    classifier: OnnxClassifier, images: NDArray[np.uint8], count: Counter | None = None
) -> dict[str, NDArray[np.float32]]:
    """What each head of a network gives for ``(N, side, side)`` gray pictures of any side, counted as they are read."""
    side = classifier.record.side
    parts = []
    for start in range(0, len(images), _BATCH):
        crops = images[start : start + _BATCH]
        if crops.shape[1:] != (side, side):
            crops = np.stack([_sized(crop, side) for crop in crops])
        parts.append(classifier.heads(list(crops)))
        if count:
            count.add(len(crops))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _sized(crop: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    way = cv2.INTER_AREA if crop.shape[0] > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, (side, side), interpolation=way), np.uint8)


def _unique(values: NDArray[np.object_]) -> tuple[Any, Any]:
    return np.unique(values.astype(str), return_counts=True)


def _scored(right: NDArray[np.bool_]) -> dict[str, Any]:
    """Accuracy, its 95 % interval and the number of faces; None where there are none."""
    if not len(right):
        return {"accuracy": None, "interval": None, "faces": 0}
    return {
        "accuracy": float(right.mean()),
        "interval": list(wilson_interval(int(right.sum()), len(right))),
        "faces": len(right),
    }


def _headline(logits: NDArray[np.float32], labels: Labels, temperature: float) -> dict[str, Any]:
    predicted = logits.argmax(1)
    scored = _scored(predicted == labels)
    return {
        "accuracy": scored["accuracy"],
        "interval": scored["interval"],
        "macro_f1": float(np.mean(f1_scores(predicted, labels))),
        "nll": negative_log_likelihood(logits, labels, temperature),
        "ece": expected_calibration_error(softmax(logits / temperature), labels, ECE_BINS),
        "ece_bins": ECE_BINS,
        "temperature": temperature,
    }


def _without_twins(logits: NDArray[np.float32], faces: Faces, training: Faces | None) -> dict[str, Any]:
    if training is None or not len(training):
        return {"accuracy_without_twins": None, "interval_without_twins": None, "faces_without_twins": None}
    fresh = ~np.isin(faces.twins.astype(str), training.twins.astype(str))
    scored = _scored((logits.argmax(1) == faces.labels)[fresh])
    return {
        "accuracy_without_twins": scored["accuracy"],
        "interval_without_twins": scored["interval"],
        "faces_without_twins": scored["faces"],
    }


def _by_class(probabilities: NDArray[np.float32], labels: Labels) -> dict[str, Any]:
    predicted = probabilities.argmax(1)
    table = confusion(labels, predicted)
    precision, recall = precision_recall(table)
    f1 = f1_scores(predicted, labels)
    classes, curves = {}, {}
    for place, emotion in enumerate(Emotion):
        roc = roc_curve(probabilities[:, place], labels == place)
        trade = precision_recall_curve(probabilities[:, place], labels == place)
        classes[str(emotion)] = {
            "faces": int((labels == place).sum()),
            "precision": float(precision[place]),
            "recall": float(recall[place]),
            "f1": f1[place],
            "roc_auc": roc and roc.area,
            "average_precision": trade and trade.area,
        }
        curves[str(emotion)] = {"roc": roc and roc.thinned(_POINTS), "pr": trade and trade.thinned(_POINTS)}
    return {"labels": [str(e) for e in Emotion], "classes": classes, "confusion": table.tolist(), "curves": curves}


def _coverage(probabilities: NDArray[np.float32], labels: Labels, record: Record) -> dict[str, Any]:
    confidence, coverage, accuracy = coverage_curve(probabilities, labels)
    kept = np.unique(np.linspace(0, len(labels) - 1, _POINTS).round().astype(int))

    def point(place: int) -> dict[str, float]:
        return {
            "threshold": round(float(confidence[place]), 4),
            "coverage": round(float(coverage[place]), 4),
            "accuracy": round(float(accuracy[place]), 4),
        }

    thresholds = {}
    for name, begin in (("sure", record.thresholds.sure), ("uncertain", record.thresholds.uncertain)):
        above = int((confidence >= begin).sum())
        thresholds[name] = (
            point(above - 1) | {"threshold": begin}
            if above
            else {"threshold": begin, "coverage": 0.0, "accuracy": None}
        )
    return {"coverage": [point(int(place)) for place in kept], "thresholds": thresholds}


def _ferplus(readings: Readings, faces: Faces) -> dict[str, Any]:
    """The FER+ head by each protocol; and how often each head agrees with a clear majority of the seven."""
    nothing = {"ferplus_accuracy": None, "ferplus_interval": None, "ferplus_faces": 0}
    if not faces.counts.any():
        return nothing | {"ferplus_protocols": None, "clear_majority": None}
    wanted = seven_labels(ferplus_labels(faces.counts, "majority"))
    clear = wanted >= 0
    fer = softmax(readings.fer)
    heads = {"fer": fer}
    protocols = None
    if readings.ferplus is not None:
        cut = softmax(readings.ferplus[:, FERPLUS_SEVEN])
        heads |= {"ferplus_cut_to_seven": cut, "mixture": np.asarray((fer + cut) / 2, np.float32)}
        predicted = readings.ferplus.argmax(1)
        protocols = {}
        for protocol in PROTOCOLS:
            targets = ferplus_labels(faces.counts, protocol.name)
            kept = targets >= 0
            protocols[protocol.name] = _scored(predicted[kept] == targets[kept]) | {"rule": protocol.rule}
        nothing = {f"ferplus_{key}": protocols["argmax"][key] for key in ("accuracy", "interval", "faces")}
    agreement = {name: _scored((shares.argmax(1) == wanted)[clear]) for name, shares in heads.items()}
    return nothing | {"ferplus_protocols": protocols, "clear_majority": agreement}


def _flipped(measured: _Measured, faces: Faces, single: Readings, count: Counter) -> dict[str, Any]:
    mirrored = measured.read(np.ascontiguousarray(faces.images[:, :, ::-1]), count)
    temperature = measured.record.temperature
    mean = _mean([softmax(one.fer / temperature) for one in (single, mirrored)])
    values = {"view": "mean of the picture and its mirror image"} | _headline(mean, faces.labels, 1.0)
    values["ferplus_accuracy"] = None
    if single.ferplus is not None and mirrored.ferplus is not None and faces.counts.any():
        targets = ferplus_labels(faces.counts, "argmax")
        predicted = (softmax(single.ferplus) + softmax(mirrored.ferplus)).argmax(1)
        values["ferplus_accuracy"] = _scored((predicted == targets)[targets >= 0])["accuracy"]
    return values


def _cost(measured: _Measured, image: NDArray[np.uint8]) -> dict[str, Any]:
    """Bytes, and the time that one face alone takes one thread."""
    alone = [
        OnnxClassifier(classifier.record, file, threads=1)
        for classifier, file in zip(measured.classifiers, measured.files, strict=True)
    ]
    crops = [[_sized(image[0], classifier.record.side)] for classifier in alone]
    times = []
    for _ in range(_TIMED):
        started = time.perf_counter()
        for classifier, crop in zip(alone, crops, strict=True):
            classifier.logits(crop)
        times.append(1000 * (time.perf_counter() - started))
    return {
        "bytes": sum(map(os.path.getsize, measured.files)),
        "ms_a_face": statistics.median(times[_TIMED // 10 :]),
        "ms_a_face_how": f"one face alone, one thread, median of {_TIMED - _TIMED // 10}, ONNX Runtime",
        "machine": with_instructions(processor()),
    }

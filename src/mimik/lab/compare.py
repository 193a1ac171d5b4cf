"""Compare runs: one table, pairs by McNemar's exact test, one page of figures. Needs no torch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimik.errors import ConfigError
from mimik.lab.calibration import f1_scores, fit_temperature, negative_log_likelihood, wilson_interval
from mimik.lab.runs import Predictions, Row, read_facts, read_predictions, read_rows
from mimik.types import Emotion

__all__ = ["Comparison", "compare", "mcnemar", "names_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Runs side by side.

    Attributes:
        names: what each run is called, the reference first.
        curves: each run's metrics by epoch.
        values: the table and the tests, ready for JSON.
    """

    names: tuple[str, ...]
    curves: tuple[list[Row], ...]
    values: dict[str, Any]


def compare(runs: Sequence[Path]) -> Comparison:
    """Compare finished runs with the first of them.

    Args:
        runs: folders, the reference first.

    Raises:
        ConfigError: a folder is missing or holds no finished run, or the runs were judged on different faces.
    """
    names = names_of(runs)
    found = [read_predictions(run) for run in runs]
    first = found[0]
    for run, one in zip(runs, found, strict=True):
        if not (np.array_equal(one.rows, first.rows) and np.array_equal(one.labels, first.labels)):
            raise ConfigError(
                "{run} was judged on {split}, {other} on {reference}: only runs judged on the same faces can be "
                "compared.",
                run=run,
                split=f"{one.split} ({len(one.labels):,})",
                other=runs[0],
                reference=f"{first.split} ({len(first.labels):,})",
            )
    rows = [_measured(name, run, one) for name, run, one in zip(names, runs, found, strict=True)]
    right = [one.fer.argmax(1) == one.labels for one in found]
    pairs = [
        {"run": name, "reference": names[0], **_difference(right[0], other, first.labels)}
        for name, other in zip(names[1:], right[1:], strict=True)
    ]
    _hold(pairs)
    values = {"split": first.split, "faces": len(first.labels), "runs": rows, "differences": pairs}
    return Comparison(names, tuple(read_rows(run) for run in runs), values)


def names_of(runs: Sequence[Path]) -> tuple[str, ...]:
    """Folders' names, with as much of the path before them as tells them apart.

    Raises:
        ConfigError: a folder is given twice.
    """
    whole = [run.resolve().parts for run in runs]
    if len(set(whole)) < len(whole):
        raise ConfigError("A run is given twice: {runs}.", runs=", ".join(map(str, runs)))
    for length in range(1, max(map(len, whole)) + 1):
        names = ["/".join(parts[-length:]) for parts in whole]
        if len(set(names)) == len(names):
            return tuple(names)
    raise AssertionError("different paths have different parts")


def mcnemar(gained: int, lost: int) -> float:
    """Two-sided p of McNemar's exact test: how likely so uneven a split of the disagreements is by chance alone."""
    from scipy.stats import binomtest

    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def _measured(name: str, run: Path, one: Predictions) -> dict[str, Any]:
    facts, curve = read_facts(run), read_rows(run)
    predicted = one.fer.argmax(1)
    right = predicted == one.labels
    votes = one.ferplus_labels >= 0
    ferplus = None
    if one.ferplus is not None and votes.any():
        ferplus = float((one.ferplus.argmax(1) == one.ferplus_labels)[votes].mean())
    f1 = f1_scores(predicted, one.labels)
    return {
        "run": name,
        "folder": str(run),
        "network": facts.get("network"),
        "parameters": facts.get("parameters"),
        "multiply_adds": facts.get("multiply_adds"),
        "epochs": len(curve),
        "hours": sum(row.get("seconds", 0.0) for row in curve) / 3600,
        "accuracy": float(right.mean()),
        "interval": list(wilson_interval(int(right.sum()), len(right))),
        "accuracy_without_twins": float(right[one.alone].mean()) if one.alone.any() else None,
        "macro_f1": float(np.mean(f1)),
        "f1": {str(emotion): value for emotion, value in zip(Emotion, f1, strict=True)},
        "nll": negative_log_likelihood(one.fer, one.labels, fit_temperature(one.fer, one.labels)),
        "ferplus_accuracy": ferplus,
    }


def _difference(reference: NDArray[np.bool_], other: NDArray[np.bool_], labels: NDArray[np.int64]) -> dict[str, Any]:
    classes = {}
    for place, emotion in enumerate(Emotion):
        inside = labels == place
        if inside.any():
            classes[str(emotion)] = _tested(reference[inside], other[inside])
    return _tested(reference, other) | {"classes": classes}


def _tested(reference: NDArray[np.bool_], other: NDArray[np.bool_]) -> dict[str, Any]:
    """Difference of the shares read right, its 95 % interval (Agresti and Min 2005) and McNemar's exact p."""
    gained, lost = int((other & ~reference).sum()), int((reference & ~other).sum())
    count = len(reference)
    # Half a face is added to each of the four cells, which keeps the interval honest where few readings differ.
    b, c, n = gained + 0.5, lost + 0.5, count + 2
    half = 1.959964 * math.sqrt(max(b + c - (b - c) ** 2 / n, 0)) / n
    middle = (b - c) / n
    return {
        "faces": count,
        "gained": gained,
        "lost": lost,
        "difference": (gained - lost) / count,
        "interval": [max(middle - half, -1.0), min(middle + half, 1.0)],
        "p": mcnemar(gained, lost),
    }


def _hold(pairs: list[dict[str, Any]]) -> None:
    """Add to each test its p after Holm's correction: the overall ones together, the classes' ones together."""
    overall = list(pairs)
    classes = [test for pair in pairs for test in pair["classes"].values()]
    for family in (overall, classes):
        worst = 0.0
        ordered = sorted(family, key=lambda test: float(test["p"]))
        for place, test in enumerate(ordered):
            worst = max(worst, min(1.0, float(test["p"]) * (len(ordered) - place)))
            test["p_holm"] = worst

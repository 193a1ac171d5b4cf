"""The hand-made features of Chen et al. (2015): histograms of oriented gradients and a linear support-vector machine.

Trained by scikit-learn, without torch, into the same kind of folder as a network.
"""

import time
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mimik.errors import DataError
from mimik.lab.calibration import negative_log_likelihood
from mimik.lab.curves import draw_curves
from mimik.lab.data import Progress
from mimik.lab.metrics import ferplus_labels
from mimik.lab.recipe import HogRecipe
from mimik.lab.runs import (
    Predictions,
    Splits,
    environment,
    prepare,
    write_facts,
    write_predictions,
    write_rows,
)
from mimik.types import Emotion

__all__ = ["histograms", "train_hog"]


def histograms(images: NDArray[np.uint8], recipe: HogRecipe, tell: Progress | None = None) -> NDArray[np.float32]:
    """``(N, F)`` histograms of oriented gradients of ``(N, 48, 48)`` gray pictures (Dalal and Triggs 2005)."""
    from skimage.feature import hog

    rows = []
    for number, image in enumerate(images):
        features = hog(
            image,
            orientations=recipe.orientations,
            pixels_per_cell=(recipe.cell, recipe.cell),
            cells_per_block=(recipe.block, recipe.block),
            block_norm="L2-Hys",
            transform_sqrt=True,
        )
        rows.append(features.astype(np.float32))
        if tell:
            tell(number + 1, len(images))
    return np.stack(rows)


def train_hog(
    recipe: HogRecipe,
    splits: Splits,
    run: Path,
    *,
    config: str | None = None,
    resume: bool = False,
    tell: Progress | None = None,
    language: str = "en",
) -> Path:
    """Train and judge; a run takes minutes and is not kept in between.

    Margins stand for logits in ``predictions.npz`` and in the losses.

    Args:
        recipe: what to do.
        splits: what to learn from and what to be judged on.
        run: the run's folder; made where absent.
        config: the recipe's TOML text, kept in the folder; None: it is written anew.
        resume: do nothing where the folder holds this run, finished.
        tell: told how many pictures were described, of how many.
        language: of the words in figures.

    Returns:
        The file of the machine's coefficients.

    Raises:
        ConfigError: the folder holds a run already, or another recipe's.
        DataError: the faces to learn from show fewer than two expressions.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    file = run / "hog.npz"
    present = set(splits.training.labels.tolist())
    if len(present) < 2:
        missing = [str(emotion) for place, emotion in enumerate(Emotion) if place not in present]
        raise DataError(
            "HOG and SVM tell at least two expressions apart. The faces to learn from lack {missing}. Give data in "
            "which Training has two expressions or more.",
            missing=", ".join(missing),
        )
    prepare(run, recipe, config, resume=resume)
    if (run / "predictions.npz").exists():
        return file
    started = time.perf_counter()
    training, validation = splits.training, splits.validation
    images, labels = training.images, training.labels
    if recipe.mirror:
        images, labels = np.concatenate([images, images[:, :, ::-1]]), np.concatenate([labels, labels])
    features = histograms(np.concatenate([images, validation.images]), recipe, tell)
    known, unknown = features[: len(images)], features[len(images) :]
    machine = LinearSVC(
        C=recipe.c, class_weight="balanced" if recipe.balanced else None, dual=False, random_state=recipe.seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # its default of 1,000 rounds is ample for judging
        machine.fit(known, labels)
    # Expressions that training lacks get a margin that never wins.
    coefficients = np.zeros((7, features.shape[1]), np.float32)
    intercepts = np.full(7, -1e3, np.float32)
    if len(machine.classes_) == 2:  # scikit-learn keeps one margin for two classes
        coefficients[machine.classes_] = np.concatenate([-machine.coef_, machine.coef_])
        intercepts[machine.classes_] = np.concatenate([-machine.intercept_, machine.intercept_])
    else:
        coefficients[machine.classes_], intercepts[machine.classes_] = machine.coef_, machine.intercept_
    np.savez_compressed(file, coefficients=coefficients, intercepts=intercepts)
    margins = known[: len(training)] @ coefficients.T + intercepts
    read = (unknown @ coefficients.T + intercepts).astype(np.float32)
    row = {
        "epoch": 1.0,
        "training_loss": negative_log_likelihood(margins, training.labels),
        "training_accuracy": float((margins.argmax(1) == training.labels).mean()),
        "validation_loss": negative_log_likelihood(read, validation.labels),
        "validation_accuracy": float((read.argmax(1) == validation.labels).mean()),
        "seconds": time.perf_counter() - started,
    }
    write_rows(run, [row])
    draw_curves([row], splits.name, run, language)
    found = Predictions(
        fer=read,
        ferplus=None,
        labels=validation.labels,
        ferplus_labels=ferplus_labels(validation.counts, "argmax"),
        rows=validation.rows,
        alone=~np.isin(validation.twins.astype(str), training.twins.astype(str)),
        split=splits.name,
    )
    write_predictions(run, found)
    facts = environment(recipe, splits) | {
        "parameters": coefficients.size + intercepts.size,
        "multiply_adds": None,  # histograms are not counted in multiply-adds
        "epochs": 1,
        "seconds": row["seconds"],
        "finished": True,
    }
    write_facts(run, facts)  # last: it says that the run is finished
    return file

"""Teach a student what teachers read: one readable script behind ``mimik distil CONFIG.toml``.

A teacher that has learnt a face by heart gives little beyond its label. So teachers may be trained out of fold: each
part of Training is read by a teacher that has not seen it (identical pictures stay in one part). The mean of the
teachers' softened shares, over each picture and its mirror image, is what the student learns beside the labels.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mimik.classify import softmax
from mimik.errors import ConfigError
from mimik.lab.data import Faces, Progress, select
from mimik.lab.networks import load_network, predict
from mimik.lab.recipe import DistilRecipe, HogRecipe, Recipe
from mimik.lab.runs import Row, Splits, make_splits, parts, prepare, recipe_of
from mimik.lab.team import Team, leads
from mimik.lab.train import train

__all__ = ["distil", "teaching"]


def distil(
    recipe: DistilRecipe,
    faces: Faces,
    run: Path,
    *,
    config: str | None = None,
    resume: bool = False,
    tell: Progress | None = None,
    note: Callable[[Row], None] | None = None,
    stage: Callable[[Path], None] | None = None,
    language: str = "en",
) -> Path:
    """Train out-of-fold teachers where asked, gather what the teachers read, train the student.

    Args:
        recipe: what to do.
        faces: labelled faces with their splits.
        run: the student's folder; out-of-fold teachers lie beside it, in ``TEACHER-part-1-of-5``, and always go on
            where they were cut.
        config: the recipe's TOML text, kept in the folder; None: it is written anew.
        resume: go on with the student in the folder.
        tell: told how much is done of each stage.
        note: told each epoch's metrics.
        stage: told the folder of each network whose training begins.
        language: of the words in figures.

    Returns:
        The file of the student's weights.

    Raises:
        ConfigError: a teacher is no run of a network, or see `mimik.lab.train.train`.
    """
    splits = make_splits(faces, recipe)
    with Team() as team:  # one for all trainings: a process group cannot be made twice
        if team.leads:
            prepare(run, recipe, config, resume=resume)
        shares = teaching(recipe, splits, run.parent, tell=tell, note=note, stage=stage, language=language)
        if stage:
            stage(run)
        return train(
            recipe,
            splits,
            run,
            config=config,
            resume=resume,
            teaching=shares,
            tell=tell,
            note=note,
            language=language,
        )


def teaching(
    recipe: DistilRecipe,
    splits: Splits,
    runs: Path,
    *,
    tell: Progress | None = None,
    note: Callable[[Row], None] | None = None,
    stage: Callable[[Path], None] | None = None,
    language: str = "en",
) -> dict[str, NDArray[np.float32]]:
    """Mean of the teachers' softened shares a training row: ``teacher_fer``, and ``teacher_ferplus`` if all have it."""
    training = splits.training
    found: dict[str, list[NDArray[np.float32]]] = {"fer": [], "ferplus": []}
    part = parts(training, recipe.teacher_folds) if recipe.teacher_folds else np.zeros(len(training), np.int64)
    for teacher in map(Path, recipe.teachers):
        given = _recipe(teacher, recipe.teacher_folds)
        shares = {"fer": np.zeros((len(training), 7), np.float32), "ferplus": np.zeros((len(training), 8), np.float32)}
        heads = {"fer"}
        for fold in range(part.max() + 1):
            unseen = part == fold
            if recipe.teacher_folds:
                folder = runs / f"{teacher.stem}-part-{fold + 1}-of-{recipe.teacher_folds}"
                cut = dataclasses.replace(
                    splits,
                    training=select(training, ~unseen),
                    validation=select(training, unseen),
                    name=f"Training, part {fold + 1} of {recipe.teacher_folds}",
                )
                if stage:
                    stage(folder)
                train(given, cut, folder, resume=True, tell=tell, note=note, language=language)
            else:
                folder = teacher
            read = _read(given, folder, training.images[unseen], recipe.temperature, tell)
            for head, values in read.items():
                shares[head][unseen] = values
                heads.add(head)
        for head in heads:
            found[head].append(shares[head])
    return {
        f"teacher_{head}": np.mean(values, 0, dtype=np.float32)
        for head, values in found.items()
        if len(values) == len(recipe.teachers)
    }


def _recipe(teacher: Path, folds: int) -> Recipe:
    given = recipe_of(teacher.parent, teacher) if teacher.suffix == ".toml" else recipe_of(teacher)
    if isinstance(given, HogRecipe):
        raise ConfigError("{path}: only networks can teach.", path=teacher)
    if isinstance(given, DistilRecipe) and folds:
        raise ConfigError(
            "{path}: a distilled student cannot be trained anew for each part. Give its teachers instead.", path=teacher
        )
    return given


def _read(
    recipe: Recipe, folder: Path, images: NDArray[np.uint8], temperature: float, tell: Progress | None
) -> dict[str, NDArray[np.float32]]:
    """Softened shares by head, the mean over each picture and its mirror image."""
    network = load_network(recipe, folder)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
    both = np.concatenate([images, images[:, :, ::-1]])
    read = dict(zip(("fer", "ferplus"), predict(network, both, tell=tell if leads() else None), strict=True))
    softened = {}
    for head, logits in read.items():
        if logits is not None and (head == "fer" or recipe.ferplus):
            shares = softmax(logits.numpy() / temperature)
            softened[head] = np.asarray((shares[: len(images)] + shares[len(images) :]) / 2, np.float32)
    return softened

"""Teach a student what teachers read: one readable script behind ``mimik distil CONFIG.toml``.

A teacher that has learnt a face by heart gives little beyond its label. So teachers may be trained out of fold: each
part of Training is read by a teacher that has not seen it (identical pictures stay in one part). The mean of the
teachers' softened shares, over each picture and its mirror image, is what the student learns beside the labels; or,
where the recipe is ``consistent``, over each changed face just as the student sees it.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mimik.classify import OnnxClassifier, softmax
from mimik.errors import ConfigError
from mimik.lab.data import Faces, Progress, select
from mimik.lab.evaluate import Counter, read_heads
from mimik.lab.networks import load_network, load_shipped, predict
from mimik.lab.recipe import DistilRecipe, HogRecipe, Recipe
from mimik.lab.runs import (
    Row,
    Splits,
    check_finished,
    make_splits,
    parts,
    pictures_digest,
    prepare,
    read_teaching,
    recipe_of,
    write_teaching,
)
from mimik.lab.team import Team, leads
from mimik.lab.train import Targets, Teaching, train
from mimik.lab.zoo import NETWORKS
from mimik.weights import read_record, shipped

__all__ = ["distil", "teaching"]

Shares = dict[str, NDArray[np.float32]]
"""A teacher's softened shares by head, ``(N, classes)`` each."""


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
        resume: go on with the student in the folder, and with what its teachers read.
        tell: told how much is done of each stage.
        note: told each epoch's metrics.
        stage: told the folder of each network whose training begins.
        language: of the words in figures.

    Returns:
        The file of the student's weights.

    Raises:
        ConfigError: a teacher is neither a shipped model nor a finished run, or see `mimik.lab.train.train`.
    """
    splits = make_splits(faces, recipe)
    with Team() as team:  # one for all trainings: a process group cannot be made twice
        if team.leads:
            prepare(run, recipe, config, resume=resume)
        shares: Teaching | None
        if recipe.consistent:
            shares = _lesson(recipe, splits)
        else:
            mark = _mark(recipe, splits)
            shares = team.same(read_teaching(run, mark) if team.leads and resume else None)
            if shares is None:
                shares = teaching(recipe, splits, run.parent, tell=tell, note=note, stage=stage, language=language)
                if team.leads:
                    write_teaching(run, mark, shares)
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


def _mark(recipe: DistilRecipe, splits: Splits) -> str:
    """Of what a run's teaching depends on, but for the teachers' weights: they may be gone when a run goes on."""
    return json.dumps([recipe.teachers, recipe.teacher_folds, recipe.temperature, pictures_digest(splits.training)])


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
    for teacher in recipe.teachers:
        if recipe.teacher_folds:
            shares = _out_of_fold(Path(teacher), recipe, splits, runs, tell, note, stage, language)
        elif teacher in shipped():
            shares = _read_shipped(teacher, training.images, recipe.temperature, tell)
        else:
            shares = _read(_own_recipe(teacher), Path(teacher), training.images, recipe.temperature, tell)
        for head, values in shares.items():
            found[head].append(values)
    return {
        f"teacher_{head}": np.mean(values, 0, dtype=np.float32)
        for head, values in found.items()
        if len(values) == len(recipe.teachers)
    }


def _out_of_fold(
    teacher: Path,
    recipe: DistilRecipe,
    splits: Splits,
    runs: Path,
    tell: Progress | None,
    note: Callable[[Row], None] | None,
    stage: Callable[[Path], None] | None,
    language: str,
) -> Shares:
    """Train a teacher anew for each part of Training, which it has not seen when it reads it."""
    training, given = splits.training, _recipe(teacher)
    if given.start and given.origin == "from scratch":
        raise ConfigError(
            "{path}: a teacher that begins from other weights (start) may know the faces that it is to read unseen. "
            "Leave start out, or set teacher_folds to 0.",
            path=teacher,
        )
    if isinstance(given, DistilRecipe):
        raise ConfigError(
            "{path}: a distilled student cannot be trained anew for each part. Give its teachers instead.", path=teacher
        )
    part = parts(training, recipe.teacher_folds)
    shares: Shares = {}
    for fold in range(part.max() + 1):
        unseen = part == fold
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
        read = _read(given, folder, training.images[unseen], recipe.temperature, tell)
        for head, values in read.items():
            shares.setdefault(head, np.zeros((len(training), values.shape[1]), np.float32))[unseen] = values
    return shares


def _lesson(recipe: DistilRecipe, splits: Splits) -> Callable[[Tensor, bool], Targets]:
    """What reads a batch of faces with all teachers: the means of their softened shares, named as by `teaching`."""
    teachers = []
    for name in recipe.teachers:
        if name in shipped():
            network = NETWORKS[read_record(name).recipe["network"]]()
            load_shipped(network, name, splits.training.images)
            teachers.append(_channels_last(network.eval()))
        else:
            teachers.append(_trained(_own_recipe(name), Path(name)))

    def lesson(faces: Tensor, bf16: bool) -> Targets:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            read = [network(faces) for network in teachers]
        heads = {"teacher_fer": [fer for fer, _ in read], "teacher_ferplus": [votes for _, votes in read]}
        return {
            name: torch.stack([(logits.float() / recipe.temperature).softmax(1) for logits in said]).mean(0)
            for name, said in heads.items()
            if all(logits is not None for logits in said)
        }

    return lesson


def _recipe(teacher: Path) -> Recipe:
    given = recipe_of(teacher.parent, teacher) if teacher.suffix == ".toml" else recipe_of(teacher)
    if isinstance(given, HogRecipe):
        raise ConfigError("{path}: only networks can teach.", path=teacher)
    return given


def _own_recipe(teacher: str) -> Recipe:
    """The recipe of a run that teaches as it is."""
    if teacher.endswith(".toml"):
        raise ConfigError(
            "{path}: a recipe teaches only with teacher_folds (--folds). Set it, or give a run's folder.", path=teacher
        )
    return _recipe(Path(teacher))


def _trained(recipe: Recipe, folder: Path) -> nn.Module:
    """A finished run's network, ready to read."""
    check_finished(folder)
    return _channels_last(load_network(recipe, folder))


def _channels_last(network: nn.Module) -> nn.Module:
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
    return network


def _read(recipe: Recipe, folder: Path, images: NDArray[np.uint8], temperature: float, tell: Progress | None) -> Shares:
    network = _trained(recipe, folder)
    fer, ferplus = predict(network, _with_mirrored(images), tell=tell if leads() else None)
    heads = {"fer": fer} if ferplus is None else {"fer": fer, "ferplus": ferplus}
    return _softened({head: logits.numpy() for head, logits in heads.items()}, temperature)


def _read_shipped(name: str, images: NDArray[np.uint8], temperature: float, tell: Progress | None) -> Shares:
    both = _with_mirrored(images)
    counter = Counter(len(both), tell if leads() else None)
    return _softened(read_heads(OnnxClassifier.load(name), both, counter), temperature)


def _with_mirrored(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.concatenate([images, images[:, :, ::-1]])


def _softened(heads: Mapping[str, NDArray[np.float32]], temperature: float) -> Shares:
    """Softened shares by head, the mean over each picture and its mirror image."""
    both = {head: np.split(softmax(logits / temperature), 2) for head, logits in heads.items()}
    return {head: np.asarray((plain + mirrored) / 2, np.float32) for head, (plain, mirrored) in both.items()}

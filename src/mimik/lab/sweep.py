"""Train every combination of a grid and compare them: ``mimik sweep SWEEP.toml``.

[base]                       # fields that all runs share, as in a run's own file
network = "seed"
epochs = 20

[axes]                       # a run for each combination of one value an axis
network = ["seed", "seed-5"]
optimiser = [                # a table sets several fields at once
    { optimiser = "adam", rate = 0.001 },
    { optimiser = "sgd", rate = 0.05 },
]
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimik.errors import ConfigError
from mimik.lab.data import Faces, Progress
from mimik.lab.recipe import AnyRecipe, DistilRecipe, HogRecipe, parse_recipe, read_toml
from mimik.lab.runs import Row, check_recipe, make_splits, read_facts

__all__ = ["Entry", "carry_out", "read_sweep", "sweep"]

LARGEST = 500
"""Runs that a sweep may have; more is a slip."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One combination of a sweep.

    Attributes:
        name: of its run's folder, such as ``seed-5_adam_smoothing-0.1``.
        recipe: what it does.
    """

    name: str
    recipe: AnyRecipe


def read_sweep(path: Path) -> list[Entry]:
    """Read and check a sweep's TOML file: every combination is a whole recipe.

    Raises:
        ConfigError: the file is not such a file, or a combination is no recipe; the message names it.
    """
    values = read_toml(path)
    base, axes = values.get("base", {}), values.get("axes", {})
    if set(values) - {"base", "axes"} or not isinstance(base, dict) or not isinstance(axes, dict) or not axes:
        raise ConfigError(
            "{path}: a sweep has a table [base] of the fields that all runs share and a table [axes] of lists, "
            "and nothing else.",
            path=path,
        )
    choices = []
    for axis, options in axes.items():
        if not isinstance(options, list) or not options:
            raise ConfigError("{path}: axis {axis} must be a list of values or of tables.", path=path, axis=axis)
        choices.append([option if isinstance(option, dict) else {axis: option} for option in options])
    entries: dict[str, Entry] = {}
    for combination in itertools.product(*choices):
        fields: dict[str, Any] = dict(base)
        for option in combination:
            fields |= option
        name = "_".join(_label(axis, option) for axis, option in zip(axes, combination, strict=True))
        fields.pop("name", None)
        recipe = parse_recipe(fields, path.with_name(f"{path.name} ({name})"))
        if name in entries:
            raise ConfigError("{path}: two combinations are called {name}. Give tables a name.", path=path, name=name)
        entries[name] = Entry(name, recipe)
    if len(entries) > LARGEST:
        raise ConfigError("{path}: {count} runs are more than {most}.", path=path, count=len(entries), most=LARGEST)
    return list(entries.values())


def _label(axis: str, option: Mapping[str, Any]) -> str:
    """How a choice is called in a run's name: its ``name``, else a word by itself, else field and value."""
    value = option.get("name", option.get(axis, next(iter(option.values()), "")))
    text = "".join(letter if letter.isalnum() or letter in ".-" else "-" for letter in str(value))
    return text if isinstance(value, str) else f"{axis}-{text}"


def sweep(
    entries: list[Entry],
    faces: Faces,
    folder: Path,
    *,
    resume: bool = False,
    tell: Progress | None = None,
    note: Callable[[Row], None] | None = None,
    stage: Callable[[Path], None] | None = None,
    failed: Callable[[Path, ConfigError], None] | None = None,
    language: str = "en",
) -> list[Path]:
    """Train every entry, one after the other; finished ones are passed over.

    Args:
        entries: what to do.
        faces: labelled faces with their splits.
        folder: where the runs' folders go.
        resume: go on with a sweep that was cut.
        tell: told how much is done of each run.
        note: told each epoch's metrics.
        stage: told the folder of each run that begins.
        failed: told of a run that could not be done, whose loss ran away for instance; the others go on.
        language: of the words in figures.

    Returns:
        The finished runs' folders.

    Raises:
        ConfigError: there are runs in the folder and `resume` is off.
    """
    if not resume and any((folder / entry.name).exists() for entry in entries):
        raise ConfigError(
            "{run} holds a run already. Give --resume to go on with it, or another folder by --runs.", run=folder
        )
    done = []
    for entry in entries:
        run = folder / entry.name
        check_recipe(run, entry.recipe)  # a sweep that was changed since does not mix with what it did before
        if not read_facts(run).get("finished"):
            if stage:
                stage(run)
            try:
                carry_out(
                    entry.recipe,
                    faces,
                    run,
                    resume=True,
                    tell=tell,
                    note=note,
                    stage=stage,
                    language=language,
                )
            except ConfigError as error:
                if not failed:
                    raise
                failed(run, error)
                continue
        done.append(run)
    return done


def carry_out(
    recipe: AnyRecipe,
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
    """Do what a recipe says, whichever kind it is; see `mimik.lab.train.train`, `distil` and `train_hog`."""
    if isinstance(recipe, HogRecipe):
        from mimik.lab.hog import train_hog

        splits = make_splits(faces, recipe)
        return train_hog(recipe, splits, run, config=config, resume=resume, tell=tell, language=language)
    if isinstance(recipe, DistilRecipe):
        from mimik.lab.distil import distil

        return distil(
            recipe, faces, run, config=config, resume=resume, tell=tell, note=note, stage=stage, language=language
        )
    from mimik.lab.train import train

    splits = make_splits(faces, recipe)
    return train(recipe, splits, run, config=config, resume=resume, tell=tell, note=note, language=language)

"""Recipes: every field checked and documented, every file in configs readable."""

import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from mimik.errors import ConfigError
from mimik.lab.recipe import (
    DistilRecipe,
    HogRecipe,
    NetworkName,
    Recipe,
    as_toml,
    parse_recipe,
    read_recipe,
    require_training,
    write_tables,
)
from mimik.lab.sweep import read_sweep

ROOT = Path(__file__).parents[3]
CONFIGS = sorted((ROOT / "configs").glob("*.toml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_file_in_configs_is_readable_and_says_what_it_is(path: Path) -> None:
    assert path.read_text().startswith("# ")
    if path.stem.startswith("sweep"):
        assert len(read_sweep(path)) >= 8
        return
    recipe = read_recipe(path)
    again = path.with_name("again.toml")
    assert parse_recipe(__import__("tomllib").loads(as_toml(recipe)), again) == recipe


def test_every_family_of_the_zoo_has_a_file() -> None:
    networks = {read_recipe(path).network for path in CONFIGS if not path.stem.startswith("sweep")}
    assert networks == {*get_args(NetworkName), "hog-svm"}


def test_the_names_are_the_zoos() -> None:
    pytest.importorskip("torch", reason="the train extra is not installed")
    from mimik.lab.zoo import NETWORKS

    assert get_args(NetworkName) == tuple(NETWORKS)


@pytest.mark.parametrize("kind", [Recipe, DistilRecipe, HogRecipe])
def test_every_field_is_documented(kind: Any) -> None:
    assert all(field.description for field in kind.model_fields.values())


def test_the_tables_in_docs_are_up_to_date() -> None:
    path = ROOT / "docs" / "training.md"
    assert path.read_text(encoding="utf-8") == write_tables(path), "run `make docs`"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('network = "residual"', "the field epochs is missing"),
        ("epochs = 3", "the field network is missing"),
        ('network = "nosuch"\nepochs = 3', r"nosuch is none of seed, seed-5, .*, hog-svm"),
        ('network = "seed"\nepochs = 3\nfoo = 1', r"unknown field foo. Fields: augment, batch"),
        ('network = "seed"\nepochs = 0', "epochs cannot be 0: Input should be greater than or equal to 1"),
        ('network = "seed"\nepochs = "many"', "epochs cannot be 'many'"),
        ('network = "seed"\nepochs = 1\nrate = nan', "rate cannot be nan"),
        ('network = "seed"\nepochs = 1\noptimiser = "lion"', "optimiser cannot be 'lion'; it is one of 'sgd', 'adam'"),
        ('network = "seed"\nepochs = 1\nfolds = 1', "folds must be 0 or at least 2"),
        ('network = "seed"\nepochs = 1\nfolds = 3\nfold = 3', "fold must be below folds"),
        ('network = "seed"\nepochs = 1\nfold = 1', "fold must be below folds"),
        ('network = "seed"\nepochs = 1\nsides = []', "sides cannot be"),
        (
            'network = "seed"\nepochs = 1\nsides = [8]',
            "sides.0 cannot be 8: Input should be greater than or equal to 16",
        ),
        ('network = "hog-svm"\nepochs = 1', "unknown field epochs. Fields: balanced"),
        ('network = "seed"\nepochs = 1\nteachers = []', "teachers cannot be"),
        ('network = "seed"\nepochs = 1\ntemperature = 2', "unknown field temperature"),
        ('network = "seed"\nepochs = 2.5', "epochs cannot be 2.5: it must be a whole number"),
        ('network = "seed"\nepochs = 1\nstart = 5', "start cannot be 5: it must be text, in quotes"),
        ('network = "seed"\nepochs = 1\nsides = 48', "sides cannot be 48: it must be a list, in brackets"),
        ('network = "seed"\nepochs = 1\nsides = []', "sides cannot be .*: it needs at least one entry"),
        ("network = ", r"c\.toml: line 1, column 1.: this is not TOML"),
        ('network = "seed"\nepochs = \'a\n', r"c\.toml: line 2, column 12: this is not TOML"),
        ("\xff", r"c\.toml: not text in UTF-8"),
        ('network = "seed"\nepochs = 1\nepochs = 2', r"line 3, column \d+: this stands there twice"),
        ('network = "seed"\nepochs = 1\nstart = "C:\\Users"', r"line 3, column \d+: a backslash in double quotes"),
        ('network = "seed"\nepochs = 1\nstart = "runs\\my"', r"line 3, column \d+: a backslash in double quotes"),
        ('network = "seed"\nepochs = 1\nstart = ["a", 5]', "start.1 cannot be 5: it must be text, in quotes"),
        ('network = "seed"\nepochs = [1]', "epochs cannot be .*: it must be a whole number"),
        ('network = "seed"\nepochs = 1\nrate = []', "rate cannot be .*: it must be a number"),
        ('network = "seed"\nepochs = 1\nclean = []', "clean cannot be .*: it must be true or false"),
    ],
)
def test_a_bad_recipe_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=message) as caught:
        read_recipe(path)
    assert str(path) in str(caught.value)


def test_faces_grow_in_equal_parts_of_the_epochs() -> None:
    recipe = Recipe(network="residual", epochs=7, sides=(32, 40, 48))
    assert [recipe.side(epoch) for epoch in range(7)] == [32, 32, 32, 40, 40, 48, 48]
    assert Recipe(network="residual", epochs=7).side(0) == 48


def test_the_kind_of_recipe_follows_from_its_fields(tmp_path: Path) -> None:
    plain = {"network": "student", "epochs": 3}
    assert type(parse_recipe(plain, tmp_path)) is Recipe
    assert type(parse_recipe(plain | {"teachers": ["runs/a"]}, tmp_path)) is DistilRecipe
    assert type(parse_recipe({"network": "hog-svm"}, tmp_path)) is HogRecipe


def test_without_torch_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ConfigError, match=r"pip install 'mimik\[train\]'"):
        require_training()

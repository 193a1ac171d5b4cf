"""HOG and SVM on data that they cannot learn from."""

from pathlib import Path

import pytest

from mimik.errors import DataError
from mimik.lab.data import Faces, select
from mimik.lab.recipe import HogRecipe
from mimik.lab.runs import make_splits


def test_one_expression_alone_cannot_be_learnt(slice_: Faces, tmp_path: Path) -> None:
    from mimik.lab.hog import train_hog

    recipe = HogRecipe(network="hog-svm", mirror=False)
    happy = select(slice_, slice_.labels == 3)
    with pytest.raises(DataError, match="learn from lack angry, disgust, fear, sad, surprise, neutral"):
        train_hog(recipe, make_splits(happy, recipe), tmp_path / "run")
    assert not (tmp_path / "run").exists(), "nothing is begun"

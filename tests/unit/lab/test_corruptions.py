"""Spoilt pictures are spoilt in the way their name says, and the same way each time."""

import numpy as np
import pytest

from mimik.lab.corruptions import CORRUPTIONS, Corruption, corrupted
from tests.unit.lab.pictures import picture

BY_NAME = {one.name: one for one in CORRUPTIONS}


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda one: one.name)
def test_shape_and_repeatability(corruption: Corruption) -> None:
    images = np.stack([picture(0), picture(1, 3)])
    before = images.copy()
    found = corrupted(images, corruption)
    assert found.shape == images.shape
    assert found.dtype == np.uint8
    assert np.array_equal(found, corrupted(images, corruption))
    assert np.array_equal(images, before), "the originals stay"
    assert not np.array_equal(found, images)


def test_what_is_covered_lies_where_faces_have_it() -> None:
    image = picture(0)
    for name, rows in (("mouth", slice(32, 47)), ("eyes", slice(11, 23))):
        changed = np.flatnonzero((BY_NAME[name].apply(image) != image).any(1))
        assert rows.start <= changed.min()
        assert changed.max() < rows.stop


def test_darkness_and_detail() -> None:
    image = picture(0)
    assert BY_NAME["darkness"].apply(image).mean() < image.mean() / 2
    for name in ("blur", "small"):
        assert (
            np.abs(np.diff(BY_NAME[name].apply(image).astype(int))).mean() < np.abs(np.diff(image.astype(int))).mean()
        )


def test_a_roll_turns_about_the_middle() -> None:
    image = np.zeros((48, 48), np.uint8)
    image[4:10, 21:27] = 255  # above the middle
    rolled = BY_NAME["roll_30"].apply(image)
    y, x = np.argwhere(rolled > 128).mean(0)
    angle = np.degrees(np.arctan2(23.5 - x, 23.5 - y))
    assert angle == pytest.approx(30, abs=2)

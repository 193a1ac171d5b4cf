"""Scenes from which CenterFace's eight bits are taken, and the file that is made of them."""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

onnx = pytest.importorskip("onnx", reason="the train extra is not installed")

from mimik.detect.centerface import float_model  # noqa: E402
from mimik.lab.data import Faces  # noqa: E402
from mimik.lab.detector import scenes, write_detector  # noqa: E402


def test_scenes_are_pictures_of_one_size_and_repeat(slice_: Faces) -> None:
    once, again = (list(scenes(slice_, 6)) for _ in range(2))
    assert {(picture.shape, picture.dtype) for picture in once} == {((480, 640, 3), np.dtype(np.uint8))}
    assert all(np.array_equal(one, two) for one, two in zip(once, again, strict=True))
    assert len({picture.tobytes() for picture in once}) == 6


def test_eight_bits_say_nearly_what_the_original_says(slice_: Faces, tmp_path: Path) -> None:
    """Heat maps of a scene that the ranges were not taken from, by a file of a quarter of the size."""
    small = [np.asarray(cv2.resize(picture, (160, 128)), np.uint8) for picture in scenes(slice_, 9)]
    file = tmp_path / "detector.onnx"
    write_detector(iter(small[1:]), file)
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

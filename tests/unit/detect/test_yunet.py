"""YuNet's decoding, against OpenCV's own on networks with YuNet's inputs and outputs but random weights."""

from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mimik.detect import YuNet, make_detector
from mimik.types import Image

onnx = pytest.importorskip("onnx", reason="onnx, of the extra train, is not installed")

CHANNELS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}


def yunet(path: Path, side: int | str) -> str:
    """Write a network like YuNet's: three scales, outputs reshaped to ``(1, cells, channels)``."""
    random = np.random.default_rng(7)
    weights: list[Any] = []
    nodes: list[Any] = []

    def constant(name: str, value: NDArray[Any]) -> str:
        weights.append(onnx.numpy_helper.from_array(value, name))
        return name

    outputs = []
    for stride in (8, 16, 32):
        nodes.append(
            onnx.helper.make_node(
                "AveragePool", ["input"], [f"pool{stride}"], kernel_shape=[stride] * 2, strides=[stride] * 2
            )
        )
        for part, channels in CHANNELS.items():
            name = f"{part}_{stride}"
            scale = 0.02 if channels == 1 else 0.004
            kernel = (random.normal(size=(channels, 3, 1, 1)) * scale).astype(np.float32)
            nodes += [
                onnx.helper.make_node("Conv", [f"pool{stride}", constant(f"w_{name}", kernel)], [f"c_{name}"]),
                onnx.helper.make_node("Transpose", [f"c_{name}"], [f"t_{name}"], perm=[0, 2, 3, 1]),
                onnx.helper.make_node(
                    "Reshape",
                    [f"t_{name}", constant(f"s_{name}", np.array([1, -1, channels], np.int64))],
                    [f"r_{name}"],
                ),
                onnx.helper.make_node("Sigmoid" if channels == 1 else "Identity", [f"r_{name}"], [name]),
            ]
            outputs.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, None, channels]))
    sides = [side, side] if isinstance(side, int) else ["height", "width"]
    picture = onnx.helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, [1, 3, *sides])
    outputs.sort(key=lambda output: [*CHANNELS].index(output.name.split("_")[0]))
    graph = onnx.helper.make_graph(nodes, "yunet", [picture], outputs, weights)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return str(path)


def spots(width: int, height: int) -> Image:
    """A picture of soft coloured spots."""
    random = np.random.default_rng(3)
    coarse = random.integers(0, 256, (max(2, height // 40), max(2, width // 40), 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def opencv(file: str, image: Image, threshold: float) -> NDArray[np.float32]:
    """``(N, 15)``: x, y, width, height, five landmarks, score, best first."""
    height, width = image.shape[:2]
    found = cv2.FaceDetectorYN.create(file, "", (width, height), threshold, 0.3, 5000).detect(image)[1]
    assert found is not None
    return np.asarray(found, dtype=np.float32)


@pytest.mark.parametrize("size", [(160, 96), (150, 101)])
def test_finds_what_opencv_finds(tmp_path: Path, size: tuple[int, int]) -> None:
    """The same boxes, landmarks and scores, whether or not the sides are multiples of 32."""
    file, image = yunet(tmp_path / "yunet.onnx", "free"), spots(*size)
    ours = make_detector(file, threshold=0.72, threads=1).detect(image)
    theirs = opencv(file, image, 0.72)
    inside = [
        row for row in theirs if row[0] + row[2] > 1 and row[1] + row[3] > 1 and row[0] < size[0] and row[1] < size[1]
    ]
    assert len(ours) == len(inside) > 3
    for face, row in zip(ours, inside, strict=True):
        x1, y1, x2, y2 = row[0], row[1], row[0] + row[2], row[1] + row[3]
        assert face.box == pytest.approx((max(0, x1), max(0, y1), min(size[0], x2), min(size[1], y2)), abs=0.01)
        assert face.score == pytest.approx(row[14], abs=1e-4)
        assert face.landmarks is not None
        np.testing.assert_allclose(face.landmarks.ravel(), row[4:14], atol=0.01)


def test_a_file_of_fixed_size_gets_the_picture_shrunk_into_it(tmp_path: Path) -> None:
    """Boxes come back in the picture's own pixels: as from the shrunk picture, times two."""
    file, image = yunet(tmp_path / "yunet.onnx", 128), spots(256, 192)
    small = np.asarray(cv2.resize(image, (128, 96), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    detector = make_detector(file, threshold=0.72, threads=1)
    large, little = detector.detect(image), detector.detect(small)
    assert len(large) == len(little) > 3
    for one, other in product(range(len(large)), ["x1", "y1", "x2", "y2"]):
        assert getattr(large[one].box, other) == pytest.approx(2 * getattr(little[one].box, other), abs=0.01)


def test_side_shrinks_the_picture(tmp_path: Path) -> None:
    """With a file of free size too."""
    file, image = yunet(tmp_path / "yunet.onnx", "free"), spots(256, 192)
    small = np.asarray(cv2.resize(image, (128, 96), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    shrunk = YuNet(Path(file).read_bytes(), file, threshold=0.72, side=128, threads=1).detect(image)
    assert [face.score for face in shrunk] == [
        face.score for face in make_detector(file, threshold=0.72, threads=1).detect(small)
    ]

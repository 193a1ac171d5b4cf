"""Networks of peers whose weights cannot be had offline: their shapes with random weights, for latency only."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

__all__ = ["deepface", "efficientnet_b0"]


class _Graph:
    """Layers one after the other."""

    def __init__(self, channels: int, side: int) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.channels = channels
        self.at = "faces"
        self._size = side
        self._random = np.random.default_rng(0)

    def constant(self, array: NDArray[Any]) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def noise(self, *shape: int) -> str:
        scale = 1 / math.sqrt(max(1, math.prod(shape[1:])))
        return self.constant((self._random.standard_normal(shape) * scale).astype(np.float32))

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [*inputs], [name], **attributes))
        return name

    def conv(self, out: int, side: int, stride: int = 1, group: int = 1, same: bool = True) -> None:
        pad = (side - 1) // 2 if same else 0
        self.at = self.add(
            "Conv",
            self.at,
            self.noise(out, self.channels // group, side, side),
            self.noise(out),
            kernel_shape=[side, side],
            strides=[stride] * 2,
            pads=[pad] * 4,
            group=group,
        )
        self.channels = out

    def relu(self) -> None:
        self.at = self.add("Relu", self.at)

    def swish(self) -> None:
        self.at = self.add("Mul", self.at, self.add("Sigmoid", self.at))

    def pool(self, kind: str, side: int, stride: int) -> None:
        self.at = self.add(kind, self.at, kernel_shape=[side] * 2, strides=[stride] * 2)

    def dense(self, into: int, out: int) -> None:
        self.at = self.add("Gemm", self.at, self.noise(into, out), self.noise(out))

    def write(self, path: Path, side: int, channels: int) -> Path:
        faces = helper.make_tensor_value_info("faces", TensorProto.FLOAT, ["N", channels, side, side])
        out = helper.make_tensor_value_info(self.at, TensorProto.FLOAT, ["N", "classes"])
        graph = helper.make_graph(self.nodes, path.stem, [faces], [out], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model, str(path))
        return path


def _cached(name: str, make: Callable[[Path], Path]) -> Callable[[Path], Path]:
    def get(folder: Path) -> Path:
        path = folder / f"{name}.onnx"
        return path if path.exists() else make(path)

    return get


def _deepface(path: Path) -> Path:
    """DeepFace's emotion network (``deepface/models/demography/Emotion.py``): 48×48, 1.49 million parameters."""
    net = _Graph(1, 48)
    net.conv(64, 5, same=False)
    net.relu()
    net.pool("MaxPool", 5, 2)
    for width in (64, 128):
        for _ in range(2):
            net.conv(width, 3, same=False)
            net.relu()
        net.pool("AveragePool", 3, 2)
    net.at = net.add("Flatten", net.at)
    for into, out in ((128, 1024), (1024, 1024)):
        net.dense(into, out)
        net.relu()
    net.dense(1024, 7)
    return net.write(path, 48, 1)


def _efficientnet_b0(path: Path) -> Path:
    """EfficientNet-B0 (Tan and Le 2019, table 1) at 224×224 with eight classes, as EmotiEffLib's ``enet_b0_8``."""
    net = _Graph(3, 224)
    net.conv(32, 3, stride=2)
    net.swish()
    blocks = ((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3),
              (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3))  # fmt: skip
    for expand, width, repeats, first_stride, side in blocks:
        for number in range(repeats):
            _block(net, expand, width, side, first_stride if number == 0 else 1)
    net.conv(1280, 1)
    net.swish()
    net.at = net.add("Flatten", net.add("GlobalAveragePool", net.at))
    net.dense(1280, 8)
    return net.write(path, 224, 3)


def _block(net: _Graph, expand: int, width: int, side: int, stride: int) -> None:
    """An inverted bottleneck with squeeze and excitation."""
    before, came_in = net.at, net.channels
    if expand > 1:
        net.conv(came_in * expand, 1)
        net.swish()
    wide = net.channels
    net.conv(wide, side, stride=stride, group=wide)
    net.swish()
    spread = net.at
    net.at = net.add("GlobalAveragePool", spread)
    net.conv(max(1, came_in // 4), 1)
    net.swish()
    net.conv(wide, 1)
    net.at = net.add("Mul", spread, net.add("Sigmoid", net.at))
    net.conv(width, 1)
    if stride == 1 and came_in == width:
        net.at = net.add("Add", net.at, before)


deepface = _cached("deepface", _deepface)
efficientnet_b0 = _cached("efficientnet-b0", _efficientnet_b0)

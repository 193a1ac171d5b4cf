"""The start from face recognition: dlib's file read, its layers in the network as dlib runs them."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="torch belongs to the extra `train`")

import torch
from torch import Tensor, nn
from torch.nn import functional

import mimik.lab.recognition as recognition
from mimik.errors import ConfigError
from mimik.lab.networks import predict
from mimik.lab.recognition import load_recognition, read_layers
from mimik.lab.zoo import NETWORKS, RecognitionNet

Layer = tuple[Tensor, Tensor, int]


def whole(number: int) -> bytes:
    length = (abs(number).bit_length() + 7) // 8
    return bytes([length | (0x80 if number < 0 else 0)]) + abs(number).to_bytes(length, "little")


def written(layers: list[Layer]) -> bytes:
    """As dlib 19 writes them: name, numbers, sizes; what lies between is not looked at."""
    data = whole(1) + b"\x01\x0dloss_metric_2"
    for weights, bias, side in layers:
        name = b"con_4" if side else b"affine_"
        numbers = torch.cat([weights.flatten(), bias]).numpy().astype("<f4")
        data += b"\x01" + bytes([len(name)]) + name + whole(2) + b"".join(map(whole, (len(numbers), 1, 1, 1)))
        data += numbers.tobytes()
        if side:
            data += b"".join(map(whole, (len(bias), side, side, 2, 2, 0, -1)))
        data += b"\x01\x05relu_"
    return data


@pytest.fixture(scope="module")
def layers() -> list[Layer]:
    """Layers of the shape that dlib's network has, with values by chance."""
    generator = torch.Generator().manual_seed(3)
    found: list[Layer] = []
    for module in NETWORKS["recognition"]().modules():
        if isinstance(module, nn.Conv2d):
            outputs, inputs, side, _ = module.weight.shape
            fan = 3 if side == 7 else inputs
            weights = torch.randn(outputs, fan, side, side, generator=generator) / (fan * side * side) ** 0.5
            found.append((weights, torch.randn(outputs, generator=generator) * 0.1, side))
        elif isinstance(module, nn.BatchNorm2d):
            scale = torch.rand(module.num_features, generator=generator) + 0.5
            found.append((scale, torch.randn(module.num_features, generator=generator) * 0.1, 0))
    return found


def test_a_file_of_dlib_is_read(tmp_path: Path, layers: list[Layer]) -> None:
    (tmp_path / "net.dat").write_bytes(written(layers))
    for found, wanted in zip(read_layers(tmp_path / "net.dat"), layers, strict=True):
        assert found[2] == wanted[2]
        assert torch.equal(found[0], wanted[0])
        assert torch.equal(found[1], wanted[1])


@pytest.mark.parametrize("content", [None, b"\x01\x05con_4\x01", b"\x01\x07affine_" + whole(3) + whole(1) * 4])
def test_a_broken_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "net.dat").write_bytes(content)
    with pytest.raises(ConfigError, match=r"net\.dat: not a network that dlib wrote"):
        read_layers(tmp_path / "net.dat")


def test_the_network_begins_as_dlib_runs_its_own(monkeypatch: pytest.MonkeyPatch, layers: list[Layer]) -> None:
    """Written out once more as dlib defines it: colors, affine layers, shortcuts with zeros."""
    monkeypatch.setattr(recognition, "read_layers", lambda _: list(layers))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: importlib.machinery.ModuleSpec("m", None, origin="/m"))
    torch.manual_seed(1)
    network = NETWORKS["recognition-teacher"]()
    pictures = np.random.default_rng(1).integers(0, 256, (40, 48, 48), np.uint8)
    load_recognition(network, pictures)
    seen: list[Tensor] = []
    assert isinstance(network, RecognitionNet)
    network.fer.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    predict(network, pictures)
    np.testing.assert_allclose(seen[0].numpy(), by_hand(pictures, layers, 118).numpy(), rtol=1e-3, atol=2e-3)


def by_hand(pictures: NDArray[np.uint8], layers: list[Layer], side: int) -> Tensor:
    todo = list(layers)

    def convolved(x: Tensor, stride: int = 1, padding: int = 1) -> Tensor:
        weights, bias, _ = todo.pop(0)
        scale, shift, _ = todo.pop(0)
        x = functional.conv2d(x, weights, bias, stride, padding)
        return x * scale[:, None, None] + shift[:, None, None]

    gray = functional.interpolate(torch.from_numpy(pictures)[:, None].float(), (side, side), mode="bilinear")
    x = (gray - torch.tensor([122.782, 117.001, 104.298])[:, None, None]) / 256
    x = functional.max_pool2d(torch.relu(convolved(x, 2, 0)), 3, 2)
    kept = []
    for width, depth in ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1)):
        for block in range(depth):
            if block or width == 32:
                body, shortcut = convolved(torch.relu(convolved(x))), x
            else:
                shortcut = functional.avg_pool2d(x, 2)
                shortcut = torch.cat([shortcut, shortcut.new_zeros(len(x), width, *shortcut.shape[2:])], 1)[:, :width]
                if x.shape[-1] % 2 == 0:
                    x = functional.pad(x, (0, 1, 0, 1))
                body = convolved(torch.relu(convolved(x, 2, 0)))
            x = torch.relu(body + shortcut)
        kept.append(x.mean((2, 3)))
    assert not todo
    return torch.cat(kept[-2:], 1)


def test_another_network_cannot_begin_there() -> None:
    with pytest.raises(ConfigError, match="only the recognition networks"):
        load_recognition(NETWORKS["residual"](), np.zeros((2, 48, 48), np.uint8))


def test_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"mimik\[recognition\]"):
        load_recognition(NETWORKS["recognition"](), np.zeros((2, 48, 48), np.uint8))

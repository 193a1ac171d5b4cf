"""Networks with their weights: loaded, fed, and the numbers that they multiply in."""

import copy
import math
import pickle
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mimik.errors import ConfigError
from mimik.lab.data import Progress
from mimik.lab.recipe import Recipe
from mimik.lab.runs import check_finished, read_facts
from mimik.lab.zoo import NETWORKS, ResidualNet
from mimik.weights import verified

__all__ = [
    "MEAN",
    "STD",
    "bf16_is_fast",
    "choose_bf16",
    "load_checkpoint",
    "load_mean",
    "load_network",
    "load_shipped",
    "load_weights",
    "normalise",
    "predict",
]

MEAN, STD = 0.507, 0.255
"""Mean and standard deviation of FER-2013's Training pixels in 0–1; written into the model record."""

_BROKEN = (OSError, EOFError, RuntimeError, pickle.UnpicklingError)
"""What `torch.load` raises of a file that is cut or is none of torch's."""


def normalise(faces: Tensor) -> Tensor:
    """``(N, 1, 48, 48)`` pictures in 0–1 as networks take them."""
    return ((faces - MEAN) / STD).contiguous(memory_format=torch.channels_last)


def load_weights(network: nn.Module, file: Path) -> None:
    """Put a file's weights into a network; a residual one may be deeper than what the file holds.

    Raises:
        ConfigError: the file is missing or holds another network's weights.
    """
    try:
        weights = torch.load(file, weights_only=True)
    except FileNotFoundError as error:
        raise ConfigError("{path}: no such file. Give the weights.pt in a run's folder.", path=file) from error
    except _BROKEN as error:
        raise ConfigError(
            "{path}: not a file of weights, or a broken one. Give the weights.pt in a run's folder.", path=file
        ) from error
    try:
        if isinstance(network, ResidualNet):
            network.deepen(weights)
        else:
            network.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise ConfigError(
            "{path}: weights of another network. Give those of the same one, or change network.", path=file
        ) from error


def load_checkpoint(file: Path) -> dict[str, Any]:
    """What a run that was cut goes on from.

    Raises:
        ConfigError: the file is broken.
    """
    try:
        found: dict[str, Any] = torch.load(file, weights_only=True)
    except _BROKEN as error:
        raise ConfigError(
            "{path}: a broken file, from which the run cannot go on. Delete its folder, then begin anew.", path=file
        ) from error
    return found


def load_mean(network: nn.Module, files: Sequence[Path]) -> None:
    """Put the mean of several files' weights into a network (a model soup, Wortsman et al. 2022).

    What batch normalisation counted is averaged, too, which is not what the mean network would count: train it on.

    Raises:
        ConfigError: a file is missing, holds another network's weights or lies in the folder of a run that was cut.
    """
    mean: dict[str, Tensor] = {}
    for number, file in enumerate(files):
        check_finished(file.parent)
        load_weights(network, file)
        for name, values in network.state_dict().items():
            mean[name] = values.clone() if not number else mean[name] + (values - mean[name]) / (number + 1)
    network.load_state_dict({name: values.to(network.state_dict()[name].dtype) for name, values in mean.items()})


def load_shipped(network: nn.Module, name: str, images: NDArray[np.uint8]) -> None:
    """Put a shipped model's weights into a network of the same layers, so that it can be trained on.

    In the shipped file batch normalisation is folded into the convolutions. Here each normalisation counts what its
    convolution gives for some faces, and scales and shifts by just that: the network says what the shipped one does.
    Each filter is given length 1, and its own length is left to the normalisation: a step changes a filter the more the
    shorter it is (van Laarhoven 2017), and some that were folded are too short to survive the first.

    Args:
        network: of the shipped model's shape.
        name: the shipped model's, in fp16 or fp32.
        images: ``(N, 48, 48)`` gray pictures to count on; the first 1,024 are used.

    Raises:
        ConfigError: the shipped model has other layers, or its numbers are int8.
        WeightsError: there is no such model.
    """
    _, file = verified(name)
    graph = onnx.load(str(file)).graph
    values = {
        tensor.name.removesuffix(".fp16"): torch.from_numpy(onnx.numpy_helper.to_array(tensor).astype(np.float32))
        for tensor in graph.initializer
    }
    layers = [node.input[1:] for node in graph.node if node.op_type in ("Conv", "Gemm")]
    own = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.BatchNorm2d | nn.Linear)]
    theirs = [tuple(values[weight].shape) if weight in values else None for weight, *_ in layers]
    if theirs != [tuple(module.weight.shape) for module in own if not isinstance(module, nn.BatchNorm2d)]:
        raise ConfigError(
            "{name}: a run cannot begin from this model, which has other layers or runs in int8. Give a model of the "
            "same network, in fp16 or fp32.",
            name=name,
        )
    hooks = []
    bias = length = torch.empty(0)
    with torch.no_grad():
        for module in own:
            if isinstance(module, nn.BatchNorm2d):  # after its convolution, whose bias and length it takes over
                module.reset_parameters()
                module.weight.copy_((1 + module.eps) ** 0.5 * length)
                module.bias.copy_(bias)
                hooks.append(module.register_forward_hook(_count))
                continue
            weight, bias = (values[name] for name in layers.pop(0))
            if module.bias is not None:
                module.weight.copy_(weight)
                module.bias.copy_(bias)
                continue
            length = weight.flatten(1).norm(dim=1)
            module.weight.copy_(weight / length.clamp(min=1e-12).view(-1, 1, 1, 1))
    network.eval()
    with torch.inference_mode():
        network(normalise(torch.from_numpy(images[:1024])[:, None] / 255))
    for hook in hooks:
        hook.remove()


def _count(norm: nn.Module, given: tuple[Tensor, ...], _: Tensor) -> None:
    """Let a normalisation that shifts by its bias alone say the same by what it is given."""
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    variance, mean = torch.var_mean(given[0].float(), (0, 2, 3))
    length = norm.weight / (1 + norm.eps) ** 0.5
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.copy_(length * (variance + norm.eps) ** 0.5)
    norm.bias.add_(length * mean)


class _NoHead(nn.Module):
    """In the place of a head that was not trained."""

    def forward(self, features: Tensor) -> None:
        return None


def load_network(recipe: Recipe, run: Path) -> nn.Module:
    """A run's network with its kept weights, for evaluation; a FER+ head that was not trained is left out.

    Raises:
        ConfigError: the run has no weights yet, or other ones.
    """
    network = NETWORKS[recipe.network]()
    load_weights(network, run / "weights.pt")
    if hasattr(network, "ferplus") and not read_facts(run).get("ferplus", recipe.ferplus > 0):
        network.ferplus = _NoHead()
    return network.eval()


def predict(
    network: nn.Module, images: NDArray[np.uint8], *, bf16: bool = False, tell: Progress | None = None
) -> tuple[Tensor, Tensor | None]:
    """Logits of both heads for ``(N, 48, 48)`` gray pictures, one view each, as float32."""
    network.eval()
    fer, ferplus = [], []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        for start in range(0, len(images), 256):
            first, second = network(normalise(torch.from_numpy(images[start : start + 256])[:, None] / 255))
            fer.append(first.float())
            if second is not None:
                ferplus.append(second.float())
            if tell:
                tell(min(start + 256, len(images)), len(images))
    return torch.cat(fer), torch.cat(ferplus) if ferplus else None


def bf16_is_fast() -> bool:
    """Whether the processor multiplies in bfloat16 by itself: AMX, or AVX512 with BF16."""
    names = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(bool(getattr(torch.cpu, name, bool)()) for name in names)


def choose_bf16(recipe: Recipe, network: nn.Module, batch: int) -> bool:
    """Whether to multiply in bfloat16: as asked, or by the fastest step of each kind of number, tried in turns."""
    if recipe.bf16 != "auto":
        return recipe.bf16 == "on"
    if not bf16_is_fast():
        return False
    trial = copy.deepcopy(network).train()
    faces = normalise(torch.rand(batch, 1, 48, 48))
    seconds = {False: math.inf, True: math.inf}
    for _ in range(5):
        for kind in seconds:
            started = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=kind):
                outputs = trial(faces)
            torch.autograd.backward(outputs[0].float().square().mean())
            seconds[kind] = min(seconds[kind], time.perf_counter() - started)
    return seconds[True] < seconds[False]

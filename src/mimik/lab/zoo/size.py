"""What a network costs to run."""

import copy

import torch
from torch import nn

__all__ = ["fused", "multiply_adds"]


def fused(network: nn.Module) -> nn.Module:
    """The network as it is run: a copy for evaluation, a student's branches made one."""
    network = copy.deepcopy(network).eval()
    fuse = getattr(network, "fuse", None)
    return fuse() if callable(fuse) else network


def multiply_adds(network: nn.Module) -> int:
    """Multiply-adds of the convolutions and dense layers for one gray 48×48 face."""
    total = 0

    def count(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        weight = layer.weight
        assert isinstance(weight, torch.Tensor)
        total += output.numel() // output.shape[1] * weight.numel()

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    with torch.inference_mode():
        network(torch.zeros(1, 1, 48, 48))
    for hook in hooks:
        hook.remove()
    return total

"""Dense students that train with three branches a layer and run with one (RepVGG, Ding et al. 2021)."""

import torch
from torch import Tensor, nn

__all__ = ["StudentNet", "student_accurate", "student_default", "student_tiny"]


class _Layer(nn.Module):
    """3×3, 1×1 and, where the shape allows, identity, each with its batch normalisation; `fused` is one 3×3."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.wide = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.wide_norm = nn.BatchNorm2d(outputs)
        self.point = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.point_norm = nn.BatchNorm2d(outputs)
        self.same_norm = nn.BatchNorm2d(inputs) if inputs == outputs and stride == 1 else None

    def forward(self, x: Tensor) -> Tensor:
        # Every second place is taken before the 1×1 convolution, not by it: with one channel, stride 2 and channels
        # last, torch 2.13.0's writes beyond its memory on processors with AVX-512 (seen with 12 and 16 outputs).
        places = x[:, :, :: self.stride, :: self.stride].contiguous(memory_format=torch.channels_last)
        summed: Tensor = self.wide_norm(self.wide(x)) + self.point_norm(self.point(places))
        if self.same_norm is not None:
            summed = summed + self.same_norm(x)
        return torch.relu(summed)

    def fused(self) -> nn.Sequential:
        """The same function, for evaluation, as one convolution with bias and a ReLU."""
        outputs, inputs = self.wide.weight.shape[:2]
        weight, bias = _folded(self.wide.weight, self.wide_norm)
        point, point_bias = _folded(nn.functional.pad(self.point.weight, (1, 1, 1, 1)), self.point_norm)
        weight, bias = weight + point, bias + point_bias
        if self.same_norm is not None:
            identity = torch.zeros_like(self.wide.weight)
            identity[torch.arange(outputs), torch.arange(inputs), 1, 1] = 1
            same, same_bias = _folded(identity, self.same_norm)
            weight, bias = weight + same, bias + same_bias
        layer = nn.Conv2d(inputs, outputs, 3, self.stride, 1)
        layer.weight, layer.bias = nn.Parameter(weight), nn.Parameter(bias)
        return nn.Sequential(layer, nn.ReLU(inplace=True))


def _folded(weight: Tensor, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """A convolution's weight and bias with the batch normalisation after it taken in."""
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None
    assert variance is not None
    scale = norm.weight / torch.sqrt(variance + norm.eps)
    return (weight * scale[:, None, None, None]).detach(), (norm.bias - mean * scale).detach()


class StudentNet(nn.Module):
    """A plain stack of `_Layer`, global average, FER-2013 and FER+ heads.

    Attributes:
        widths: channels at 24×24, 12×12, 6×6 and 3×3.
        depths: layers at each of the four.
    """

    def __init__(self, widths: tuple[int, ...], depths: tuple[int, ...], dropout: float = 0.2) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 1
        for width, depth in zip(widths, depths, strict=True):
            for layer in range(depth):
                layers.append(_Layer(inputs, width, 1 if layer else 2))
                inputs = width
        self.trunk = nn.Sequential(*layers)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout))
        self.fer = nn.Linear(inputs, 7)
        self.ferplus = nn.Linear(inputs, 8)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        features = self.pool(self.trunk(x))
        return self.fer(features), self.ferplus(features)

    def fuse(self) -> "StudentNet":
        """Make every layer one convolution; afterwards the network can be run but not trained on."""
        self.eval()
        self.trunk = nn.Sequential(*(layer.fused() if isinstance(layer, _Layer) else layer for layer in self.trunk))
        return self


def student_tiny() -> StudentNet:
    """5.8 M multiply-adds, 0.18 M parameters."""
    return StudentNet((16, 32, 48, 96), (2, 2, 2, 2))


def student_default() -> StudentNet:
    """79 M multiply-adds, 2.2 M parameters."""
    return StudentNet((40, 80, 160, 320), (3, 4, 3, 2))


def student_accurate() -> StudentNet:
    """400 M multiply-adds, 8.3 M parameters."""
    return StudentNet((80, 160, 320, 512), (4, 5, 4, 2))

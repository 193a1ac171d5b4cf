"""Residual networks (He et al. 2016) with a FER-2013 head and a FER+ head: a small one and a teacher."""

import torch
from torch import Tensor, nn

__all__ = ["ResidualNet", "residual_teacher"]


class _Block(nn.Module):
    """Two 3×3 convolutions with a shortcut (He et al. 2016, basic block)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class ResidualNet(nn.Module):
    """A small dense residual network with a FER-2013 head and a FER+ head.

    Attributes:
        widths: channels at 24×24, 12×12, 6×6 and 3×3.
        depths: residual blocks at each of the four.
    """

    def __init__(
        self,
        widths: tuple[int, int, int, int] = (32, 64, 160, 320),
        depths: tuple[int, int, int, int] = (1, 1, 1, 1),
        stem: int = 16,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(1, stem, 3, 1, 1, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(inplace=True),
            nn.Conv2d(stem, widths[0], 3, 2, 1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
        ]
        inputs = widths[0]
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            for block in range(depth):
                layers.append(_Block(inputs, width, 2 if stage and not block else 1))
                inputs = width
        self.trunk = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout))
        self.fer = nn.Linear(inputs, 7)
        self.ferplus = nn.Linear(inputs, 8)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        features = self.trunk(x)
        return self.fer(features), self.ferplus(features)


def residual_teacher() -> ResidualNet:
    """As deep as ResNet-18, entered with stride 2: 323 M multiply-adds at 48×48."""
    return ResidualNet(widths=(64, 128, 256, 512), depths=(2, 2, 2, 2), stem=32)

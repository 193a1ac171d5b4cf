"""Networks that the lab trains: gray 48×48 faces in, logits out.

Every network maps ``(N, 1, 48, 48)`` float32 pictures to a pair of logits: ``(N, 7)`` for the FER-2013 labels, in
the order of `mimik.Emotion`, and ``(N, 8)`` for the FER+ labels, in the order of `mimik.lab.data.FERPLUS`, or None
where the network has no such head.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

__all__ = ["NETWORKS", "ResidualNet", "SeedNet"]


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


class SeedNet(nn.Module):
    """The network of the student project that Mimik grew from: four convolution blocks, two dense layers.

    Each block is convolution, batch normalisation, ReLU, 2×2 max pooling and dropout of a quarter.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 1
        for width, size in ((64, 3), (128, 5), (512, 3), (512, 3)):
            layers += [
                nn.Conv2d(inputs, width, size, padding=size // 2),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(2),
                nn.Dropout(0.25),
            ]
            inputs = width
        layers.append(nn.Flatten())
        inputs *= 3 * 3
        for width in (256, 512):
            layers += [
                nn.Linear(inputs, width),
                nn.BatchNorm1d(width),
                nn.ReLU(inplace=True),
                nn.Dropout(0.25),
            ]
            inputs = width
        self.layers = nn.Sequential(*layers, nn.Linear(inputs, 7))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.layers(x), None


NETWORKS: dict[str, Callable[[], nn.Module]] = {"residual": ResidualNet, "seed": SeedNet}

"""A residual network that may begin with what face recognition learnt: dlib's, published by King (2017) under CC0."""

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["RecognitionNet", "recognition", "recognition_teacher"]


class _Block(nn.Module):
    """Two 3×3 convolutions with a shortcut; where it halves, the shortcut is averaged and filled up with zeros.

    Strided convolutions take whole windows from the upper left corner on, as dlib's do; a last row and column that
    would be lost gets a border of zeros.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 0 if stride > 1 else 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.stride == 1:
            return torch.relu(self.body(x) + x)
        height, width = x.shape[-2] % 2 == 0, x.shape[-1] % 2 == 0
        body = self.body(functional.pad(x, (0, int(width), 0, int(height))))
        shortcut = functional.avg_pool2d(x, 2)
        filled = functional.pad(shortcut, (0, 0, 0, 0, 0, body.shape[1] - shortcut.shape[1]))
        return torch.relu(body + filled)


class RecognitionNet(nn.Module):
    """dlib's face recognition network without its last layer, with a FER-2013 head and a FER+ head.

    Gray faces are enlarged inside the network, since the one that it may begin from looked at 150×150 pixels.

    Attributes:
        side: what faces of 48 pixels are enlarged to; others in proportion.
    """

    def __init__(self, side: int = 150, dropout: float = 0.3) -> None:
        super().__init__()
        self.side = side
        self.stem = nn.Sequential(
            nn.Conv2d(1, 32, 7, 2, bias=False), nn.BatchNorm2d(32), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)
        )
        layers: list[nn.Module] = []
        inputs = 32
        for width, depth in ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1)):
            for block in range(depth):
                layers.append(_Block(inputs, width, 2 if layers and not block else 1))
                inputs = width
        self.trunk = nn.Sequential(*layers)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout))
        self.fer = nn.Linear(2 * inputs, 7)
        self.ferplus = nn.Linear(2 * inputs, 8)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        side = x.shape[-1] * self.side // 48
        x = functional.interpolate(x, (side, side), mode="bilinear", align_corners=False)
        before = self.trunk[:-1](self.stem(x))
        features = torch.cat([self.pool(before), self.pool(self.trunk[-1](before))], 1)
        return self.fer(features), self.ferplus(features)


def recognition() -> RecognitionNet:
    """At 86 pixels: 72 M multiply-adds."""
    return RecognitionNet(86)


def recognition_teacher() -> RecognitionNet:
    """At 118 pixels: 152 M multiply-adds."""
    return RecognitionNet(118)

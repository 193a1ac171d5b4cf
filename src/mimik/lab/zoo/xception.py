"""mini-XCEPTION (Arriaga, Valdenegro-Toro and Plöger 2017): depthwise separable, without dense layers."""

import itertools

from torch import Tensor, nn

__all__ = ["MiniXception"]


def _separable(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
    )


class _Module(nn.Module):
    """Two separable convolutions and a pooling beside a strided shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _separable(inputs, outputs),
            nn.ReLU(inplace=True),
            _separable(outputs, outputs),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=2, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        summed: Tensor = self.body(x) + self.shortcut(x)
        return summed


class MiniXception(nn.Module):
    """Two convolutions, four modules of 16 to 128 channels, one convolution to the classes, global average."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in ((1, 8), (8, 8)):
            layers += [
                nn.Conv2d(inputs, outputs, 3, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
            ]
        widths = (8, 16, 32, 64, 128)
        layers += [_Module(*pair) for pair in itertools.pairwise(widths)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(128, 7, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.layers(x), None

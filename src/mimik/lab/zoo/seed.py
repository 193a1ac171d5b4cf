"""The network of the student project that Mimik grew from, and the deeper one that it compared."""

from torch import Tensor, nn

__all__ = ["SeedNet"]


class SeedNet(nn.Module):
    """Four or five convolution blocks, two dense layers.

    Each block is convolution, batch normalisation, ReLU, 2×2 max pooling and dropout of a quarter.

    Args:
        blocks: 4, or 5 with one more of 512 channels.
    """

    def __init__(self, blocks: int = 4) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 1
        for width, size in ((64, 3), (128, 5), (512, 3), (512, 3), (512, 3))[:blocks]:
            layers += [
                nn.Conv2d(inputs, width, size, padding=size // 2),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(2),
                nn.Dropout(0.25),
            ]
            inputs = width
        layers.append(nn.Flatten())
        inputs *= (48 >> blocks) ** 2
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

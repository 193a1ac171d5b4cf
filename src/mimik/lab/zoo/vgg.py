"""A VGG teacher: the family of Khaireddin and Chen (2021) and of Pramerdorfer and Kampel (2016)."""

from torch import Tensor, nn

__all__ = ["VggNet"]


class VggNet(nn.Module):
    """Four stages of two 3×3 convolutions and a pooling, global average, FER-2013 and FER+ heads.

    Attributes:
        widths: channels at 48×48, 24×24, 12×12 and 6×6; the defaults need 359 M multiply-adds.
    """

    def __init__(self, widths: tuple[int, ...] = (56, 112, 224, 448), dropout: float = 0.4) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 1
        for width in widths:
            for _ in range(2):
                layers += [
                    nn.Conv2d(inputs, width, 3, padding=1, bias=False),
                    nn.BatchNorm2d(width),
                    nn.ReLU(inplace=True),
                ]
                inputs = width
            layers.append(nn.MaxPool2d(2))
        self.trunk = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout))
        self.fer = nn.Linear(inputs, 7)
        self.ferplus = nn.Linear(inputs, 8)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        features = self.trunk(x)
        return self.fer(features), self.ferplus(features)

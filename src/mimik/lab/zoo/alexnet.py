"""AlexNet (Krizhevsky et al. 2012) for 48×48 faces, as Dandıl and Özdemir (2019) used it for expressions."""

from torch import Tensor, nn

__all__ = ["AlexNet"]


class AlexNet(nn.Module):
    """Five convolutions with local response normalisation, three dense layers.

    The original's 224-pixel entry (11×11, stride 4) becomes 5×5 with stride 2, so that the later layers see maps of
    about the original's relative size; the dense layers are narrowed to 1,024.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 96, 5, stride=2, padding=2),
            nn.ReLU(inplace=True),
            nn.LocalResponseNorm(5),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(96, 256, 5, padding=2),
            nn.ReLU(inplace=True),
            nn.LocalResponseNorm(5),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(256, 384, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 384, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
        )
        self.dense = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(),
            nn.Linear(256 * 2 * 2, 1024),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Linear(1024, 1024),
            nn.ReLU(inplace=True),
            nn.Linear(1024, 7),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.dense(self.features(x)), None

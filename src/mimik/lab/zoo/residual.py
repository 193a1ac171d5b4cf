"""Residual networks (He et al. 2016) with a FER-2013 head and a FER+ head: a small one, a deeper one and a teacher."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

__all__ = ["ResidualNet", "residual_deep", "residual_teacher"]

_STEM = 6
"""Modules of the trunk before its first block."""


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
        self.depths = depths
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

    def deepen(self, weights: Mapping[str, Tensor]) -> None:
        """Begin from the weights of a shallower network of the same widths (Net2DeeperNet, Chen et al. 2016).

        Blocks that it lacks begin as the identity, so that both say the same before any further training.

        Args:
            weights: the shallower network's state.

        Raises:
            RuntimeError: the weights are of other widths, deeper, or of no residual network.
        """
        theirs = [0]
        count = _STEM
        while f"trunk.{count}.body.0.weight" in weights:
            if f"trunk.{count}.shortcut.0.weight" in weights:
                theirs.append(0)
            theirs[-1] += 1
            count += 1
        if len(theirs) != len(self.depths) or any(few > many for few, many in zip(theirs, self.depths, strict=True)):
            raise RuntimeError(f"depths {theirs} do not fit into {list(self.depths)}")
        given = own = _STEM
        places: dict[int, int] = {}
        added: list[int] = []
        for few, many in zip(theirs, self.depths, strict=True):
            places |= {given + block: own + block for block in range(few)}
            added += range(own + few, own + many)
            given, own = given + few, own + many
        state = {}
        for name, values in weights.items():
            head, _, rest = name.partition(".")
            number, _, last = rest.partition(".")
            state[f"{head}.{places.get(int(number), int(number))}.{last}" if head == "trunk" else name] = values
        for place in added:
            for name, values in self.trunk[place].state_dict().items():
                # The last batch normalisation of a block's body: with factors of zero only the shortcut is left.
                state[f"trunk.{place}.{name}"] = torch.zeros_like(values) if name == "body.4.weight" else values
        self.load_state_dict(state)


def residual_deep() -> ResidualNet:
    """The small one with a second block at 6×6: 63 M multiply-adds at 48×48."""
    return ResidualNet(depths=(1, 1, 2, 1))


def residual_teacher() -> ResidualNet:
    """As deep as ResNet-18, entered with stride 2: 323 M multiply-adds at 48×48."""
    return ResidualNet(widths=(64, 128, 256, 512), depths=(2, 2, 2, 2), stem=32)

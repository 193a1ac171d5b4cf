"""Random changes of training faces: mirror, turn, scale, shift, light, erased patches, worse pictures, mixtures."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["augment", "mixed"]


def augment(
    faces: Tensor,
    generator: torch.Generator,
    strength: float = 1.0,
    *,
    turn: float = 15.0,
    erasing: float | None = None,
    degrade: float = 0.0,
) -> Tensor:
    """Change a batch of faces at random, each in its own way.

    Args:
        faces: ``(N, 1, H, W)`` float32 in 0–1.
        generator: where the chance comes from, so that a resumed run draws the same.
        strength: how far from 0 (mirrors alone) to 1 (all of it) the changes go.
        turn: widest turn at full strength, degrees.
        erasing: share of faces with an erased patch; None: half of the strength.
        degrade: share of faces made worse: blurred, dark and noisy, or of few pixels.

    Returns:
        A new batch of the same shape, in 0–1.
    """
    count = len(faces)

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(count).uniform_(low, high, generator=generator)

    angle = torch.deg2rad(uniform(-turn, turn)) * strength
    scale = uniform(0.85, 1.18) ** strength
    mirror = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    shift = 2 * 3 / faces.shape[-1] * strength
    rows = torch.stack(
        [
            torch.stack([cosine * mirror, -sine, uniform(-shift, shift)], 1),
            torch.stack([sine * mirror, cosine, uniform(-shift, shift)], 1),
        ],
        1,
    )
    grid = functional.affine_grid(rows, list(faces.shape), align_corners=False)
    faces = functional.grid_sample(faces, grid, padding_mode="border", align_corners=False)
    contrast = uniform(0.6, 1.4).view(-1, 1, 1, 1) ** strength
    brightness = uniform(-0.2, 0.2).view(-1, 1, 1, 1) * strength
    mean = faces.mean((1, 2, 3), keepdim=True)
    faces = ((faces - mean) * contrast + mean + brightness).clamp(0, 1)
    if degrade:
        faces = _degraded(faces, generator, degrade)
    return _erase(faces, generator, 0.5 * strength if erasing is None else erasing)


def mixed(
    faces: Tensor, targets: dict[str, Tensor], generator: torch.Generator, alpha: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """Each face with another of the batch, and their targets likewise (Zhang et al. 2018, mixup).

    Args:
        faces: ``(N, 1, H, W)`` float32.
        targets: shares a face and class, ``(N, …)`` each, which mix as the faces do.
        generator: where the chance comes from.
        alpha: the share is drawn from Beta(alpha, alpha), once a batch.
    """
    # Torch's gamma distribution takes no generator of its own; NumPy's is seeded from it instead.
    seed = int(torch.randint(2**31, (), generator=generator))
    share = float(np.random.default_rng(seed).beta(alpha, alpha))
    other = torch.randperm(len(faces), generator=generator)
    return torch.lerp(faces[other], faces, share), {
        name: torch.lerp(values[other], values, share) for name, values in targets.items()
    }


def _degraded(faces: Tensor, generator: torch.Generator, share: float) -> Tensor:
    """Make a share of the faces worse, in one of three ways each, as far as chance has it."""
    count = len(faces)
    kind = torch.randint(3, (count, 1, 1, 1), generator=generator)
    kind[torch.rand(count, generator=generator) >= share] = 3
    places = torch.arange(-4, 5, dtype=torch.float32)
    bell = torch.exp(-((places / torch.empty(1).uniform_(0.7, 2.0, generator=generator)) ** 2) / 2)
    kernel = (bell[:, None] * bell)[None, None] / bell.sum() ** 2
    blurred = functional.conv2d(functional.pad(faces, (4, 4, 4, 4), mode="replicate"), kernel)
    light = torch.empty(count, 1, 1, 1).uniform_(0.15, 0.6, generator=generator)
    noise = torch.randn(faces.shape, generator=generator) * 0.016
    dark = (faces * light + noise).clamp(0, 1)
    side = int(torch.randint(16, 33, (), generator=generator))
    small = functional.interpolate(faces, (side, side), mode="area")
    small = functional.interpolate(small, faces.shape[2:], mode="bilinear", align_corners=False)
    for number, worse in enumerate((blurred, dark, small)):
        faces = torch.where(kind == number, worse, faces)
    return faces


def _erase(faces: Tensor, generator: torch.Generator, share: float) -> Tensor:
    """Cover a random rectangle of a share of the faces with noise (Zhong et al. 2020)."""
    count, _, height, width = faces.shape
    size = torch.empty(count, 2).uniform_(0.15, 0.45, generator=generator)
    centre = torch.rand(count, 2, generator=generator)
    chosen = torch.rand(count, generator=generator) < share
    y, x = (torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width
    inside_y = (y[None] - centre[:, :1]).abs() < size[:, :1] / 2
    inside_x = (x[None] - centre[:, 1:]).abs() < size[:, 1:] / 2
    patch = (inside_y[:, :, None] & inside_x[:, None, :] & chosen[:, None, None])[:, None]
    return torch.where(patch, torch.rand(faces.shape, generator=generator), faces)

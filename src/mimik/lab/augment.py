"""Random changes of training faces: mirror, turn, scale, shift, light and small erased patches."""

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["augment"]


def augment(faces: Tensor, generator: torch.Generator, strength: float = 1.0) -> Tensor:
    """Change a batch of faces at random, each in its own way.

    Args:
        faces: ``(N, 1, H, W)`` float32 in 0–1.
        generator: where the chance comes from, so that a resumed run draws the same.
        strength: how far from 0 (mirrors alone) to 1 (all of it) the changes go.

    Returns:
        A new batch of the same shape, in 0–1.
    """
    count = len(faces)

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(count).uniform_(low, high, generator=generator)

    angle = torch.deg2rad(uniform(-15, 15)) * strength
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
    return _erase(faces, generator, 0.5 * strength)


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

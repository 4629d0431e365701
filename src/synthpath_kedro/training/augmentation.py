"""Flips and quarter turns: a tile has no top."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

POSITIONS = 8


def random_dihedral(
    x: Float[Tensor, "batch 3 size size"], generator: torch.Generator
) -> Float[Tensor, "batch 3 size size"]:
    """Each image in one of the eight positions of a square, each as likely."""
    return dihedral(x, torch.randint(0, POSITIONS, (len(x),), generator=generator, device=x.device))


def dihedral(
    x: Float[Tensor, "batch 3 size size"], position: Int[Tensor, " batch"]
) -> Float[Tensor, "batch 3 size size"]:
    """Each image in the position of a square, 0 to 7, that ``position`` gives it; 0 leaves it as it is."""
    columns = position[:, None, None, None]
    x = torch.where(columns % 2 == 1, x.flip(2), x)
    x = torch.where(columns // 2 % 2 == 1, x.flip(3), x)
    return torch.where(columns // 4 == 1, x.transpose(2, 3), x).contiguous(memory_format=torch.channels_last)

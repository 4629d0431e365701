"""Flips and quarter turns: a tile has no top."""

import torch
from jaxtyping import Float
from torch import Tensor


def random_dihedral(
    x: Float[Tensor, "batch 3 size size"], generator: torch.Generator
) -> Float[Tensor, "batch 3 size size"]:
    """Each image in one of the eight positions of a square, each as likely."""
    position = torch.randint(0, 8, (len(x),), generator=generator, device=x.device)
    columns = position[:, None, None, None]
    x = torch.where(columns % 2 == 1, x.flip(2), x)
    x = torch.where(columns // 2 % 2 == 1, x.flip(3), x)
    return torch.where(columns // 4 == 1, x.transpose(2, 3), x).contiguous(memory_format=torch.channels_last)


def all_dihedral(
    x: Float[Tensor, "batch channels size size"],
) -> Float[Tensor, "batch_in_each_position channels size size"]:
    """Every image in the eight positions of a square."""
    both = torch.cat([x, x.transpose(2, 3)])
    flipped = torch.cat([both, both.flip(2)])
    return torch.cat([flipped, flipped.flip(3)])

"""Random numbers that depend on nothing but what they are for."""

import numpy as np
import torch


def mixed_seed(*key: int) -> int:
    """One 64-bit seed from several whole numbers, such as (seed, epoch, rank); near keys give unrelated seeds."""
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])


def seeded_generator(*key: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator seeded by ``mixed_seed(*key)``."""
    return torch.Generator(device).manual_seed(mixed_seed(*key))

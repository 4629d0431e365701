"""Random numbers for a batch of tiles, one generator a tile, so that a tile does not depend on its batch."""

from collections.abc import Sequence

import numpy as np

LATTICE_SIZE = 32


class Draws:
    """Draws the same quantity for every tile of a batch, each from the tile's own generator.

    Args:
        seeds: one sequence of integers a tile.
    """

    def __init__(self, seeds: Sequence[Sequence[int]]) -> None:
        self._generators = [np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed))) for seed in seeds]

    def __len__(self) -> int:
        return len(self._generators)

    def uniform(self, low: float, high: float, *shape: int) -> np.ndarray:
        """float32 [N, *shape] in [low, high); [N, 1, 1] without a shape, to stand beside [N, H, W]."""
        values = [generator.random(shape or (1, 1), np.float32) for generator in self._generators]
        return np.float32(low) + np.float32(high - low) * np.stack(values)

    def lattice(self, low: float = 0.0, high: float = 1.0) -> np.ndarray:
        """float32 [N, LATTICE_SIZE, LATTICE_SIZE] in [low, high): one number for each point of a periodic lattice."""
        return self.uniform(low, high, LATTICE_SIZE, LATTICE_SIZE)

    def normal(self, *shape: int) -> np.ndarray:
        """float32 [N, *shape], mean 0 and standard deviation 1."""
        return np.stack([generator.standard_normal(shape, np.float32) for generator in self._generators])

"""A square lattice of random numbers that repeats, under the pixels of each tile of a batch."""

from dataclasses import dataclass

import numpy as np

from synthpath_kedro.data.phantom.draws import LATTICE_SIZE

_LAST = LATTICE_SIZE - 1


@dataclass(frozen=True)
class Square:
    """The lattice square that each pixel lies in.

    Attributes:
        column: int32 [N, H, W].
        row: int32 [N, H, W].
        along: float32 [N, H, W], share of the way through the square in x.
        across: float32 [N, H, W], share of the way through the square in y.
    """

    column: np.ndarray
    row: np.ndarray
    along: np.ndarray
    across: np.ndarray

    def index(self, step_x: int, step_y: int) -> np.ndarray:
        """int32 [N, H, W]: where the square that many steps away stands in a flattened [N, size, size] lattice."""
        tile = np.arange(len(self.row), dtype=np.int32)[:, None, None] * LATTICE_SIZE**2
        return tile + ((self.row + step_y) & _LAST) * LATTICE_SIZE + ((self.column + step_x) & _LAST)


def find_square(x: np.ndarray, y: np.ndarray) -> Square:
    """The squares that positions in lattice steps lie in."""
    column, row = np.floor(x), np.floor(y)
    return Square(column.astype(np.int32), row.astype(np.int32), x - column, y - row)

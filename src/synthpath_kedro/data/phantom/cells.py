"""The plane divided into cells around scattered centers (Voronoi)."""

from dataclasses import dataclass

import numpy as np

from synthpath_kedro.data.phantom.draws import Draws
from synthpath_kedro.data.phantom.lattice import find_square
from synthpath_kedro.data.phantom.plane import Lengths, Plane

_NEIGHBORS = [(step_x, step_y) for step_y in (-1, 0, 1) for step_x in (-1, 0, 1)]


@dataclass(frozen=True)
class Cells:
    """The cell each pixel lies in; all float32 [N, H, W].

    Attributes:
        x: micrometres from the cell's center.
        y: micrometres from the cell's center.
        border: micrometres to the border with the next cell.
        trait: one random number in [0, 1) a cell.
    """

    x: np.ndarray
    y: np.ndarray
    border: np.ndarray
    trait: np.ndarray


def divide(draws: Draws, plane: Plane, spacing: Lengths, jitter: float) -> Cells:
    """Divides the plane around the points of a square lattice, each moved by up to ``jitter`` / 2 lattice steps."""
    shift_x, shift_y = (0.5 + jitter * (draws.lattice().ravel() - 0.5) for _ in range(2))
    trait = draws.lattice().ravel()
    square = find_square(plane.x / spacing, plane.y / spacing)
    nearest = np.full(plane.x.shape, np.inf, np.float32)
    second, x, y, cell = nearest, nearest, nearest, np.zeros(plane.x.shape, np.int32)
    for step_x, step_y in _NEIGHBORS:
        index = square.index(step_x, step_y)
        from_x = square.along - step_x - shift_x.take(index)
        from_y = square.across - step_y - shift_y.take(index)
        distance = np.sqrt(from_x * from_x + from_y * from_y)
        closer = distance < nearest
        second = np.minimum(second, np.maximum(distance, nearest))
        nearest = np.minimum(nearest, distance)
        x, y, cell = np.where(closer, from_x, x), np.where(closer, from_y, y), np.where(closer, index, cell)
    return Cells(x * spacing, y * spacing, (second - nearest) * spacing / 2, trait.take(cell))

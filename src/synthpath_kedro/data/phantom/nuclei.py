"""Cell nuclei scattered over the section."""

import numpy as np

from synthpath_kedro.data.phantom.draws import Draws
from synthpath_kedro.data.phantom.lattice import find_square
from synthpath_kedro.data.phantom.plane import Lengths, Plane, coverage

_NEIGHBORS = ((0, 0), (1, 0), (0, 1), (1, 1))


def scatter_nuclei(
    draws: Draws,
    plane: Plane,
    spacing: tuple[Lengths, Lengths],
    radius: tuple[Lengths, Lengths],
    presence: float | np.ndarray = 1.0,
    turn: float = np.pi,
    hollow: float | np.ndarray = 0.0,
) -> np.ndarray:
    """Elliptic nuclei, one at most in every square of a lattice: float32 [N, H, W], 0 outside, about 1 in a dark one.

    Args:
        draws: the tiles' random numbers.
        plane: the pixels.
        spacing: width and height of a lattice square.
        radius: half axes along x and y, before a variation in size by 30 %; up to half the spacing.
        presence: share of the squares that hold a nucleus, one number, one a tile or one a pixel.
        turn: largest angle between a nucleus and the x axis, radians.
        hollow: 0 for a dense nucleus, towards 1 for a vesicular one with a pale center.
    """
    shift_x, shift_y = (draws.lattice(0.15, 0.85).ravel() for _ in range(2))
    lot = draws.lattice().ravel()
    darkness = draws.lattice(0.65, 1.15).ravel()
    axes = [axis.ravel() for axis in _inverse_axes(draws, spacing, radius, turn)]
    square = find_square(plane.x / spacing[0] - 0.5, plane.y / spacing[1] - 0.5)
    softness = plane.pixel / np.minimum(radius[0], radius[1]) + 0.25
    nuclei = np.zeros(plane.x.shape, np.float32)
    for step_x, step_y in _NEIGHBORS:
        index = square.index(step_x, step_y)
        from_x = square.along + (0.5 - step_x) - shift_x.take(index)
        from_y = square.across + (0.5 - step_y) - shift_y.take(index)
        long = from_x * axes[0].take(index) + from_y * axes[1].take(index)
        short = from_x * axes[2].take(index) + from_y * axes[3].take(index)
        distance = np.sqrt(long * long + short * short)
        nucleus = coverage(distance - 1, softness) * (1 - hollow * np.clip(1 - distance, 0, 1))
        present = np.clip(4 * (presence - lot.take(index)), 0, 1)
        nuclei = np.maximum(nuclei, nucleus * present * darkness.take(index))
    return nuclei


def _inverse_axes(
    draws: Draws, spacing: tuple[Lengths, Lengths], radius: tuple[Lengths, Lengths], turn: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The matrix [[a, b], [c, d]] from lattice steps to half axes of each nucleus, four [N, size, size]."""
    angle, size = draws.lattice(-turn, turn), draws.lattice(0.7, 1.3)
    long, short = 1 / (radius[0] * size), 1 / (radius[1] * size)
    cos, sin = np.cos(angle), np.sin(angle)
    return spacing[0] * cos * long, spacing[1] * sin * long, -spacing[0] * sin * short, spacing[1] * cos * short

"""Smooth random fields over the section, and planes bent by them."""

import numpy as np

from synthpath_kedro.data.phantom.draws import Draws
from synthpath_kedro.data.phantom.lattice import find_square
from synthpath_kedro.data.phantom.plane import Lengths, Plane


def noise(draws: Draws, plane: Plane, width: Lengths, height: Lengths | None = None) -> np.ndarray:
    """Value noise, float32 [N, H, W] in [0, 1), smooth over ``width`` along x and ``height`` (or ``width``) along y."""
    value = draws.lattice().ravel()
    square = find_square(plane.x / width, plane.y / (width if height is None else height))
    along, across = _fade(square.along), _fade(square.across)
    upper = _blend(value.take(square.index(0, 0)), value.take(square.index(1, 0)), along)
    lower = _blend(value.take(square.index(0, 1)), value.take(square.index(1, 1)), along)
    return _blend(upper, lower, across)


def bend(draws: Draws, plane: Plane, amount: Lengths, width: Lengths) -> Plane:
    """Moves the pixels by up to ``amount`` in x and in y, smoothly over ``width``."""
    x, y = noise(draws, plane, width), noise(draws, plane, width)
    return plane.moved(amount * (2 * x - 1), amount * (2 * y - 1))


def above(field: np.ndarray, threshold: float | np.ndarray, softness: float = 0.2) -> np.ndarray:
    """0 up to ``threshold``, 1 from ``softness`` above it, linear between."""
    return np.clip((field - threshold) / softness, 0, 1)


def ridge(field: np.ndarray) -> np.ndarray:
    """Thin bright lines where a noise crosses its middle."""
    return (1 - np.abs(2 * field - 1)) ** 3


def _fade(share: np.ndarray) -> np.ndarray:
    return share * share * (3 - 2 * share)


def _blend(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    return first + (second - first) * share

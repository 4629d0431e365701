"""Where the pixels of a tile lie in the section it is cut from. Lengths are micrometres."""

from dataclasses import dataclass, replace

import numpy as np

from synthpath_kedro.data.phantom.draws import Draws
from synthpath_kedro.data.phantom.variation import ONE_CENTER

FIELD_OF_VIEW = 90.0

Lengths = float | np.ndarray
"""One length for all tiles, one a tile (float32 [N, 1, 1]) or one a pixel (float32 [N, H, W])."""


@dataclass(frozen=True)
class Plane:
    """The pixels of a batch of tiles, in micrometres.

    Attributes:
        x: float32 [N, H, W].
        y: float32 [N, H, W].
        pixel: float32 [N, 1, 1], width of a pixel, the sharpest edge that can be drawn.
    """

    x: np.ndarray
    y: np.ndarray
    pixel: np.ndarray

    def turned(self, angle: np.ndarray) -> "Plane":
        """The same pixels seen from axes turned by ``angle`` (radians)."""
        cos, sin = np.cos(angle), np.sin(angle)
        return replace(self, x=self.x * cos + self.y * sin, y=self.y * cos - self.x * sin)

    def moved(self, x: Lengths, y: Lengths) -> "Plane":
        """The same pixels, each moved by its ``x`` and ``y``."""
        return replace(self, x=self.x + x, y=self.y + y)


def cut_planes(draws: Draws, size: int, spread: float = ONE_CENTER.magnification) -> Plane:
    """Cuts a square out of each section, at any angle, ``size`` pixels wide.

    Args:
        draws: the tiles' random numbers.
        size: pixels.
        spread: how far the logarithm of the square's width may be from that of ``FIELD_OF_VIEW``.
    """
    pixel = FIELD_OF_VIEW / size * np.exp(draws.uniform(-spread, spread))
    steps = np.arange(size, dtype=np.float32) - (size - 1) / 2
    zeros = np.zeros((len(draws), size, size), np.float32)
    plane = Plane(zeros + pixel * steps, zeros + pixel * steps[:, None], pixel)
    return plane.turned(draws.uniform(0, 2 * np.pi)).moved(draws.uniform(0, 100), draws.uniform(0, 100))


def coverage(distance: np.ndarray, softness: Lengths) -> np.ndarray:
    """Share of a pixel inside a shape, from the signed distance (negative inside) and the width of the edge."""
    return np.clip(0.5 - distance / softness, 0, 1)

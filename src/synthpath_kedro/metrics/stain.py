"""How much hematoxylin and eosin an image holds, by color deconvolution with fixed vectors."""

import numpy as np
from jaxtyping import Float, Shaped, UInt8

GRID = 8
"""Fields along each side of an image whose stain is measured: coarse enough that sharpness does not count."""

_LEAST_LIGHT = np.float32(25.5)
"""Gray level: a density above 1 is no stain but a tile whose color failed, and would outweigh its whole class."""

# Optical densities in R, G, B of hematoxylin, eosin and DAB (Ruifrok and Johnston 2001), as in scikit-image.
_VECTORS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
_TO_HEMATOXYLIN_AND_EOSIN = np.linalg.inv(_VECTORS)[:, :2].astype(np.float32)


def optical_density(light: Shaped[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """OD = -log10(I / 255) of gray levels I, float32: 0 for white, 1 for a tenth of the light; below 1 counts as 1."""
    return -np.log10(np.maximum(light, np.float32(1)) / np.float32(255))


def stain_densities(light: Shaped[np.ndarray, "*shape 3"]) -> Float[np.ndarray, "*shape 2"]:
    """Optical densities of hematoxylin and eosin, float32, of gray levels of R, G and B (Ruifrok and Johnston 2001)."""
    return optical_density(light) @ _TO_HEMATOXYLIN_AND_EOSIN


def stain_statistics(images: UInt8[np.ndarray, "n height width 3"]) -> Float[np.ndarray, "n 4"]:
    """Mean hematoxylin, mean eosin and their standard deviations over an image's fields, in hundredths of density.

    Every pixel counts, through the mean light of its field of a grid of ``GRID`` x ``GRID``: blur and compression,
    which move light by a few pixels, hardly change them. A field that lets less than a tenth of a color's light
    through counts as a tenth.

    Returns:
        float32 [n, 4].
    """
    light = _mean_light(images, min(GRID, *images.shape[1:3]))
    densities = 100 * stain_densities(np.maximum(light, _LEAST_LIGHT))
    return np.concatenate([densities.mean(axis=(1, 2)), densities.std(axis=(1, 2))], axis=1)


def _mean_light(images: np.ndarray, grid: int) -> np.ndarray:
    """Gray levels of the fields, float32 [n, grid, grid, 3]; where sizes do not divide, fields differ by a pixel."""
    height, width = images.shape[1:3]
    rows, columns = (np.arange(grid) * size // grid for size in (height, width))
    sums = np.add.reduceat(np.add.reduceat(images, rows, axis=1, dtype=np.float32), columns, axis=2)
    areas = np.outer(np.diff(rows, append=height), np.diff(columns, append=width))
    return sums / areas[:, :, None].astype(np.float32)

"""Tiles of the digital phantom: tissue, stain, light, sensor."""

from collections.abc import Sequence

import numpy as np

from synthpath_kedro.data.phantom.draws import Draws
from synthpath_kedro.data.phantom.plane import cut_planes
from synthpath_kedro.data.phantom.stain import SENSOR_NOISE, draw_staining, optical_density, transmit
from synthpath_kedro.data.phantom.tissues import TISSUES
from synthpath_kedro.data.phantom.variation import ONE_CENTER, Variation

FINEST_GRID = 48
PIXELS_AT_ONCE = 2**15


def render_tiles(
    labels: np.ndarray,
    image_size: int,
    seed: Sequence[int],
    stain_shift: float,
    variation: Variation = ONE_CENTER,
) -> np.ndarray:
    """Renders one tile a label; tile i depends on its label, ``seed`` and i only.

    Args:
        labels: int64 [N], classes in the order of ``TISSUES``.
        image_size: height and width in pixels; the field of view in micrometres does not depend on it.
        seed: integers that every tile's generator is seeded with, beside the tile's index.
        stain_shift: 0 to 1, how far the stain is from the training center's.
        variation: how much the tiles differ in stain, light and magnification.

    Returns:
        uint8 [N, image_size, image_size, 3], RGB.
    """
    images = np.empty((len(labels), image_size, image_size, 3), np.uint8)
    at_once = max(1, PIXELS_AT_ONCE // (image_size * _supersampling(image_size)) ** 2)
    for label in np.unique(labels):
        indices = np.flatnonzero(labels == label)
        for start in range(0, len(indices), at_once):
            chunk = indices[start : start + at_once]
            images[chunk] = _render_class(int(label), chunk, image_size, seed, stain_shift, variation)
    return images


def _render_class(
    label: int,
    indices: np.ndarray,
    image_size: int,
    seed: Sequence[int],
    stain_shift: float,
    variation: Variation,
) -> np.ndarray:
    draws = Draws([(*seed, int(index)) for index in indices])
    staining = draw_staining(draws, stain_shift, variation)
    tissue = list(TISSUES.values())[label]
    factor = _supersampling(image_size)
    plane = cut_planes(draws, image_size * factor, variation.magnification)
    hematoxylin, eosin = tissue(draws, plane)
    light = _bin_pixels(transmit(optical_density(hematoxylin, eosin, staining), staining), factor)
    light += SENSOR_NOISE * draws.normal(image_size, image_size, 3)
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)


def _supersampling(image_size: int) -> int:
    """Samples a pixel along each axis, so that nuclei do not fall between the pixels of a small tile."""
    return -(-FINEST_GRID // image_size)


def _bin_pixels(light: np.ndarray, factor: int) -> np.ndarray:
    if factor == 1:
        return light
    n, height, width, channels = light.shape
    return light.reshape(n, height // factor, factor, width // factor, factor, channels).mean(axis=(2, 4))

"""The functions that ``CORRUPTIONS`` names: what another laboratory, scanner or file makes of an image.

Each takes one image, uint8 [H, W, 3] RGB, a level, and the image's own random numbers, and returns uint8 [H, W, 3].
What a level is stands in ``study.corruptions``.
"""

from io import BytesIO

import numpy as np
from jaxtyping import Float, UInt8
from numpy.random import Generator
from PIL import Image
from scipy.ndimage import gaussian_filter

from synthpath_kedro.data.phantom.stain import (
    EOSIN,
    HEMATOXYLIN,
    SHIFTED_AMOUNT,
    SHIFTED_EOSIN,
    SHIFTED_HEMATOXYLIN,
    WHITE,
)

Pixels = UInt8[np.ndarray, "height width 3"]

_DARKEST = 0.25
"""Gray levels of light that cross a black pixel, whose optical density would be infinite."""


def stain(image: Pixels, level: float, random: Generator) -> Pixels:
    """Takes the stains apart (Ruifrok and Johnston 2001) and stains again as another laboratory would.

    Level 1 is the phantom's own shift of vectors and amounts between two centers, without its lamp. What neither stain
    explains stays as it is.
    """
    del random
    density = -np.log10(np.maximum(image, _DARKEST) / WHITE)
    amounts = density @ np.linalg.inv(_stain_matrix(0))
    amounts[..., :2] *= SHIFTED_AMOUNT.astype(np.float64) ** level
    return _gray_levels(WHITE * 10 ** -(amounts @ _stain_matrix(level)))


def brightness(image: Pixels, level: float, random: Generator) -> Pixels:
    """A lamp that gives ``level`` less of its light."""
    del random
    return _gray_levels(image * (1 - level))


def blur(image: Pixels, level: float, random: Generator) -> Pixels:
    """Defocus."""
    del random
    return _gray_levels(gaussian_filter(image.astype(np.float64), (level, level, 0), mode="reflect"))


def jpeg(image: Pixels, level: float, random: Generator) -> Pixels:
    """Compressed and read again."""
    del random
    stream = BytesIO()
    Image.fromarray(image).save(stream, format="JPEG", quality=round(level), subsampling="4:2:0")
    return np.array(Image.open(stream))


def noise(image: Pixels, level: float, random: Generator) -> Pixels:
    """Noise of the sensor; an image's noise at one level is a multiple of that at another."""
    return _gray_levels(image + level * random.standard_normal(image.shape))


def resolution(image: Pixels, level: float, random: Generator) -> Pixels:
    """Scanned with wider pixels, then resized to the size it had."""
    del random
    height, width = image.shape[:2]
    coarse = max(1, round(width / level)), max(1, round(height / level))
    scanned = Image.fromarray(image).resize(coarse, Image.Resampling.BOX)
    return np.array(scanned.resize((width, height), Image.Resampling.BILINEAR))


def _stain_matrix(level: float) -> Float[np.ndarray, "3 3"]:
    """Unit optical densities of hematoxylin, eosin and what is neither, in R, G, B."""
    hematoxylin = _unit(HEMATOXYLIN + level * SHIFTED_HEMATOXYLIN)
    eosin = _unit(EOSIN + level * SHIFTED_EOSIN)
    return np.stack([hematoxylin, eosin, _unit(np.cross(hematoxylin, eosin))])


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector.astype(np.float64) / np.linalg.norm(vector)


def _gray_levels(light: np.ndarray) -> Pixels:
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)

"""Ways in which a synthetic image can be a copy of a training image and not look like one to a computer."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageFilter

Tile = UInt8[np.ndarray, "size size 3"]
Disguise = Callable[[Tile, np.random.Generator], Tile]

_STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
"""Hematoxylin, eosin and a residual (Ruifrok and Johnston 2001)."""


def _restained(tile: Tile, rng: np.random.Generator) -> Tile:
    """Other stain vectors, and up to 40 % more or less of each stain."""
    density = -np.log((tile.astype(float) + 1) / 256)
    vectors = _STAINS + rng.uniform(-0.12, 0.12, (3, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    amounts = density @ np.linalg.inv(_STAINS) * np.exp(rng.uniform(-0.35, 0.35, 3))
    return _gray_levels(256 * np.exp(-amounts @ vectors) - 1)


def _shifted(tile: Tile, _: np.random.Generator) -> Tile:
    """A sixteenth of its width down and to the right; the border is mirrored."""
    size = len(tile)
    step = max(1, size // 16)
    return np.pad(tile, ((step, 0), (step, 0), (0, 0)), mode="reflect")[:size, :size]


def _cropped(tile: Tile, rng: np.random.Generator) -> Tile:
    """Four fifths of its width from anywhere, enlarged."""
    size = len(tile)
    side = round(0.8 * size)
    top, left = rng.integers(0, size - side + 1, 2)
    return np.asarray(
        _picture(tile[top : top + side, left : left + side]).resize((size, size), Image.Resampling.BICUBIC)
    )


def _compressed(tile: Tile, _: np.random.Generator) -> Tile:
    file = BytesIO()
    _picture(tile).save(file, "JPEG", quality=60)
    return np.asarray(Image.open(file))


DISGUISES: dict[str, Disguise] = {
    "none": lambda tile, _: tile,
    "mirrored": lambda tile, _: np.fliplr(tile),
    "turned": lambda tile, _: np.rot90(tile),
    "mirrored and turned": lambda tile, _: np.rot90(np.fliplr(tile)),
    "shifted by a sixteenth": _shifted,
    "stained differently": _restained,
    "12 gray levels brighter": lambda tile, _: _gray_levels(tile + 12.0),
    "contrast of 80 %": lambda tile, _: _gray_levels(0.8 * tile + 0.2 * tile.mean()),
    "cropped to 80 % of its width": _cropped,
    "blurred": lambda tile, _: np.asarray(_picture(tile).filter(ImageFilter.GaussianBlur(len(tile) / 32))),
    "noise of 8 gray levels": lambda tile, rng: _gray_levels(tile + rng.normal(0, 8, tile.shape)),
    "JPEG, quality 60": _compressed,
}
"""A copy's disguise, by what it is called."""

MOVED = ("shifted by a sixteenth", "cropped to 80 % of its width")
"""Those that leave no pixel in its place."""


def disguised(
    images: UInt8[np.ndarray, "images size size 3"], disguise: str, seed: int
) -> UInt8[np.ndarray, "images size size 3"]:
    """Each image under one of ``DISGUISES``; image i depends on ``seed`` and i only."""
    change = DISGUISES[disguise]
    return np.stack([change(tile, np.random.default_rng([seed, row])) for row, tile in enumerate(images)])


def _picture(tile: Tile) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(tile))


def _gray_levels(values: np.ndarray) -> Tile:
    return np.rint(values).clip(0, 255).astype(np.uint8)

"""Tiles set edge to edge into one picture."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from synthpath_kedro.data.images import LabeledImages

Tile = UInt8[np.ndarray, "height width 3"]


def montage(
    tiles: Sequence[Sequence[Tile | None]], tile_shape: tuple[int, int], gap: float = 0.06
) -> UInt8[np.ndarray, "height width 3"]:
    """A picture with ``tiles[row][column]`` at its place on white; None leaves the place empty.

    Args:
        tiles: rows of tiles, each of ``tile_shape``.
        tile_shape: height and width in pixels.
        gap: white between neighbors, as a share of the tile's width.
    """
    height, width = tile_shape
    space = max(1, round(gap * width))
    n_columns = max((len(row) for row in tiles), default=0)
    picture_shape = (len(tiles) * (height + space) - space, n_columns * (width + space) - space, 3)
    picture = np.full(picture_shape, 255, np.uint8)
    for row, members in enumerate(tiles):
        for column, tile in enumerate(members):
            if tile is not None:
                top, left = row * (height + space), column * (width + space)
                picture[top : top + height, left : left + width] = tile
    return picture


def tile_centers(count: int, size: int, tile_width: int, gap: float = 0.06) -> np.ndarray:
    """Pixel coordinates of the middles of ``count`` tiles of ``size`` pixels along one side of a montage."""
    return np.arange(count) * (size + max(1, round(gap * tile_width))) + (size - 1) / 2


def draw_of_class(images: LabeledImages, label: int, count: int, seed: int) -> list[Tile | None]:
    """``count`` images that show class ``label``, drawn without replacement; None where there are fewer."""
    shows_class = images.labels[:, label] > 0 if images.multi_label else images.labels == label
    members = np.flatnonzero(shows_class)
    drawn = np.random.default_rng([seed, label]).permutation(members)[:count]
    return [*(images.images[index] for index in drawn), *[None] * (count - len(drawn))]

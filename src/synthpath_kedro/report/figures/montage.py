"""Tiles set edge to edge into one picture, and the figure of a row per class."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.report.figures.style import TEXT_SIZE, new_figure, strip, wrapped

Tile = UInt8[np.ndarray, "height width 3"]

_TILE = 0.72
"""Width in a figure, inches."""


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


def class_rows(tiles: Sequence[Sequence[Tile | None]], images: LabeledImages, title: str, note: str | None) -> Figure:
    """A row of tiles beside the name of each class.

    Args:
        tiles: for ``montage``, a row per class.
        images: what the tiles are of: gives their shape and the names.
        title: heading.
        note: a warning under the title.
    """
    height, width = images.images.shape[1:3]
    pitch = _TILE * 1.06
    rows = pitch * len(tiles) * height / width
    figure = new_figure(2.1 + pitch * len(tiles[0]), rows + (0.75 if note else 0.5), title, note)
    axes = strip(figure.add_subplot())
    axes.imshow(montage(tiles, (height, width)))
    names = [wrapped(name, 22) for name in images.class_names]
    axes.set_yticks(tile_centers(len(tiles), height, width), names, fontsize=TEXT_SIZE)
    axes.tick_params(length=0, pad=6)
    return figure

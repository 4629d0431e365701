"""Many tiles in one picture, from which a page cuts the one it shows."""

from io import BytesIO
from math import ceil, isqrt
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image

Tiles = UInt8[np.ndarray, "tiles height width 3"]


class SpriteSheet(NamedTuple):
    """Tiles edge to edge in one PNG, row by row, all compressed together.

    Attributes:
        png: the picture.
        size: side of a tile in pixels.
        columns: tiles in a row.
    """

    png: bytes
    size: int
    columns: int


def sprite_sheet(tiles: Tiles) -> SpriteSheet:
    """One picture of ``tiles`` (uint8 [N, size, size, 3], N at least 1); tile i stands in row i // columns."""
    n, size = tiles.shape[:2]
    columns = isqrt(n - 1) + 1
    sheet = np.full((ceil(n / columns), columns, size, size, 3), 255, np.uint8)
    sheet.reshape(-1, size, size, 3)[:n] = tiles
    picture = sheet.transpose(0, 2, 1, 3, 4).reshape(-1, columns * size, 3)
    stream = BytesIO()
    Image.fromarray(picture).save(stream, format="png")
    return SpriteSheet(stream.getvalue(), size, columns)


def shrunk(tiles: Tiles, max_bytes: int) -> Tiles:
    """``tiles`` averaged over the smallest squares of pixels that leave at most ``max_bytes``."""
    factor = 1
    while len(tiles) * ceil(tiles.shape[1] / factor) ** 2 * 3 > max_bytes and factor < tiles.shape[1]:
        factor += 1
    if factor == 1:
        return tiles
    return np.stack([np.asarray(Image.fromarray(tile).reduce(factor)) for tile in tiles])

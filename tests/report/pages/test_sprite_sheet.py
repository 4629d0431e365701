from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from synthpath_kedro.report.pages.sprite_sheet import shrunk, sprite_sheet


@pytest.mark.parametrize(("n", "columns", "rows"), [(1, 1, 1), (4, 2, 2), (5, 3, 2), (50, 8, 7)])
def test_every_tile_stands_pixel_by_pixel_at_its_place(n, columns, rows):
    tiles = np.random.default_rng(0).integers(0, 256, (n, 6, 6, 3), dtype=np.uint8)
    sheet = sprite_sheet(tiles)
    picture = np.asarray(Image.open(BytesIO(sheet.png)))
    assert (sheet.size, sheet.columns) == (6, columns)
    assert picture.shape == (6 * rows, 6 * columns, 3)
    for i, tile in enumerate(tiles):
        top, left = 6 * (i // columns), 6 * (i % columns)
        assert (picture[top : top + 6, left : left + 6] == tile).all()


def test_tiles_that_fit_are_left_alone():
    tiles = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 3), dtype=np.uint8)
    assert shrunk(tiles, 3 * 4 * 4 * 3) is tiles


def test_tiles_that_do_not_fit_are_averaged_over_the_smallest_squares_that_do():
    tiles = np.zeros((2, 4, 4, 3), np.uint8)
    tiles[:, 0, 0], tiles[:, 1, 1] = 20, 80
    small = shrunk(tiles, 2 * 4 * 4 * 3 - 1)
    assert small.shape == (2, 2, 2, 3)
    assert small[0, :, :, 0].tolist() == [[25, 0], [0, 0]]

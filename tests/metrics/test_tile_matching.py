import numpy as np
import pytest

from synthpath_kedro.metrics.tile_matching import (
    POSITIONS,
    match_parts,
    match_whole,
    own_distances_of_parts,
    turned,
    turned_back,
)


@pytest.fixture
def tiles():
    return np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)


def test_the_eight_positions_differ_and_are_turned_back(tiles):
    places = [turned(tiles[0], place) for place in range(POSITIONS)]
    assert len({place.tobytes() for place in places}) == 8
    assert np.array_equal(turned_back(np.stack(places), np.arange(8)), np.stack([tiles[0]] * 8))


def test_distance_is_that_of_standardized_optical_density_by_hand(tiles):
    def standardized(image):
        density = -np.log((image.astype(float) + 1) / 256).reshape(-1, 3)
        return (density - density.mean(0)) / density.std(0) / np.sqrt(density.size)

    found = match_whole(tiles[:1], tiles[1:])
    distances = [
        np.linalg.norm(standardized(turned(tiles[0], place)) - standardized(other))
        for other in tiles[1:]
        for place in range(POSITIONS)
    ]
    assert found.distance[0] == pytest.approx(min(distances), abs=1e-5)
    assert found.index[0] * POSITIONS + found.position[0] == np.argmin(distances)


@pytest.mark.parametrize("place", range(POSITIONS))
def test_a_copy_is_found_in_every_position_and_shown_in_place(tiles, place):
    copies = turned_back(tiles, np.full(12, place))
    found = match_whole(copies, tiles)
    assert found.index.tolist() == list(range(12))
    assert found.position.tolist() == [place] * 12
    assert (found.distance < 2e-3).all()
    assert np.array_equal(turned_back(tiles[found.index], found.position), copies)
    parts = match_parts(copies, tiles, np.arange(12)[:, None])
    assert parts.position.tolist() == [place] * 12


def test_brightness_contrast_and_stain_do_not_count(tiles):
    density = -np.log((tiles.astype(float) + 1) / 256)
    stronger = np.rint(256 * np.exp(-density * [0.5, 0.6, 0.7] - [0.1, 0.2, 0.3]) - 1).clip(0, 255).astype(np.uint8)
    assert (match_whole(stronger, tiles).distance < 0.08).all()


def test_large_tiles_are_compared_as_thumbnails(tiles):
    large = tiles.repeat(2, 1).repeat(2, 2)
    assert np.allclose(match_whole(large, large[::-1]).distance, match_whole(tiles, tiles[::-1]).distance, atol=1e-3)


def test_the_excluded_row_is_no_match(tiles):
    found = match_whole(tiles, tiles, excluded=np.arange(12))
    assert (found.index != np.arange(12)).all()
    assert (found.distance > 1).all()


def test_more_rows_than_a_block_are_all_searched():
    rng = np.random.default_rng(1)
    many = rng.integers(0, 256, (2100, 4, 4, 3), dtype=np.uint8)
    found = match_whole(many, many)
    assert found.index.tolist() == list(range(2100))
    assert (match_whole(many, many, excluded=np.arange(2100)).index != np.arange(2100)).all()


def test_a_tile_of_one_color_matches_nothing(tiles):
    blank = np.full((1, 32, 32, 3), 250, np.uint8)
    assert np.isnan(match_whole(blank, tiles).distance).all()
    assert np.isnan(match_parts(blank, tiles, np.array([[0, 1]])).distance).all()
    found = match_whole(tiles, np.concatenate([blank, tiles[1:]]))
    assert (found.index > 0).all()


@pytest.mark.parametrize("shift", [(2, 0), (0, -3), (4, 4)])
def test_a_shifted_tile_is_found_by_its_parts_alone(tiles, shift):
    moved = np.roll(tiles, shift, (1, 2))
    candidates = np.arange(12)[None].repeat(12, 0)
    found = match_parts(moved, tiles, candidates)
    assert found.index.tolist() == list(range(12))
    assert (found.distance < 0.1).all()
    assert (match_whole(moved, tiles).distance > 1).all()


def test_a_crop_that_was_enlarged_is_found_by_its_parts(tiles):
    coarse = tiles[:, ::4, ::4].repeat(4, 1).repeat(4, 2)
    smooth = np.stack([_smooth(tile) for tile in coarse])
    cropped = np.stack([_smooth(tile[2:28, 4:30], 32) for tile in smooth])
    found = match_parts(cropped, smooth, np.arange(12)[None].repeat(12, 0))
    assert found.index.tolist() == list(range(12))


def test_own_distances_leave_out_what_is_no_candidate(tiles):
    doubled = np.concatenate([tiles, np.roll(tiles[:1], 2, 1)])
    others = np.arange(1, 12)[None]
    near, far = (own_distances_of_parts(doubled, np.array([0]), one)[0] for one in (np.array([[3, 12]]), others))
    assert near < 0.1
    assert far > 1


def _smooth(tile, size=32):
    from PIL import Image, ImageFilter

    return np.asarray(Image.fromarray(tile).filter(ImageFilter.GaussianBlur(1)).resize((size, size)))

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.preprocessing import prepare, resize_images, to_rgb
from synthpath_kedro.data.splits import Splits


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("shape", [(4, 6, 6), (4, 6, 6, 1)])
def test_gray_images_get_three_equal_channels(shape):
    gray = noise(*shape)
    rgb = to_rgb(gray)
    assert rgb.shape == (4, 6, 6, 3)
    assert all(np.array_equal(rgb[..., channel], gray.reshape(4, 6, 6)) for channel in range(3))


def test_rgb_images_stay_as_they_are():
    images = noise(2, 5, 5, 3)
    assert np.array_equal(to_rgb(images), images)


@pytest.mark.parametrize("shape", [(2, 5, 5, 4), (2, 5, 5, 2), (5, 5)])
def test_other_channel_counts_are_refused(shape):
    with pytest.raises(ValueError, match="they must be"):
        to_rgb(noise(*shape))


def test_resizing_is_pillows_lanczos():
    images = noise(3, 20, 20, 3)
    expected = [np.asarray(Image.fromarray(image).resize((8, 8), Image.Resampling.LANCZOS)) for image in images]
    assert np.array_equal(resize_images(images, 8), np.stack(expected))


def test_an_oblong_image_is_cropped_to_its_center():
    image = np.zeros((1, 4, 8, 3), dtype=np.uint8)
    image[:, :, 2:6] = 200
    assert np.array_equal(resize_images(image, 4), np.full((1, 4, 4, 3), 200))


def test_reduction_does_not_alias():
    stripes = np.zeros((1, 64, 64, 3), dtype=np.uint8)
    stripes[:, :, ::2] = 255
    inside = resize_images(stripes, 16)[:, :, 2:-2].astype(int)
    assert np.abs(inside - 127).max() <= 3


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(8, 40), st.integers(0, 255))
def test_a_flat_image_stays_flat_at_any_size(height, width, size, gray):
    resized = resize_images(np.full((2, height, width, 3), gray, dtype=np.uint8), size)
    assert np.array_equal(resized, np.full((2, size, size, 3), gray))


def test_no_image_at_all_can_be_resized():
    assert resize_images(noise(0, 9, 9, 3), 8).shape == (0, 8, 8, 3)


def test_prepared_splits_pass_through_unchanged():
    images = LabeledImages(noise(2, 8, 8, 3), np.array([0, 1]), ("a", "b"))
    splits = prepare(Splits(images, images, images), 8)
    assert splits.train is images


def test_preparing_drops_the_digest_of_the_other_size():
    images = LabeledImages(noise(2, 8, 8), np.array([0, 1]), ("a", "b"), card={"digest": "old", "name": "x"})
    prepared = prepare(Splits(images, images, images), 16).val
    assert prepared.images.shape == (2, 16, 16, 3)
    assert prepared.card == {"name": "x"}
    assert prepared.digest != "old"


@pytest.mark.skipif("SYNTHPATH_REAL_TILES" not in os.environ, reason="SYNTHPATH_REAL_TILES names no folder")
def test_real_tiles_of_224_pixels_become_those_of_64():
    folder = Path(os.environ["SYNTHPATH_REAL_TILES"])
    large, small = (np.load(folder / f"pathmnist_tiles_{size}.npz", allow_pickle=False) for size in (224, 64))
    place = {name: index for index, name in enumerate(large["test_names"])}
    order = [place[name] for name in small["test_names"]]
    assert np.array_equal(resize_images(large["test_images"][order], 64), small["test_images"])

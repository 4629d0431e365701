from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from synthpath_kedro.data.phantom.render import render_tiles
from synthpath_kedro.data.phantom.stain import EOSIN, HEMATOXYLIN, SHIFTED_AMOUNT, SHIFTED_HEMATOXYLIN, WHITE
from synthpath_kedro.metrics.corruptions import blur, brightness, jpeg, noise, resolution, stain
from synthpath_kedro.study.corruptions import CORRUPTIONS
from synthpath_kedro.study.table import load_attribute

LABELS = np.arange(36) % 9
LEVELS = {
    "stain": (0.5, 1, 1.5),
    "brightness": (0.1, 0.2, 0.3),
    "blur": (0.5, 1, 2),
    "jpeg": (80, 50, 20),
    "noise": (4, 8, 16),
    "resolution": (1.5, 2, 4),
}
WITHOUT_EFFECT = {"stain": 0, "brightness": 0, "blur": 0, "noise": 0, "resolution": 1}


def random(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def tiles():
    return render_tiles(LABELS, 32, (0, 77), 0.0)


def distance(a, b):
    return np.abs(a.astype(float) - b).mean()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_level_moves_the_image_farther_and_keeps_it_an_image(name, tiles):
    corrupt = load_attribute(CORRUPTIONS[name].corrupt)
    corrupted = [np.stack([corrupt(tile, level, random()) for tile in tiles]) for level in LEVELS[name]]
    assert {(one.shape, one.dtype) for one in corrupted} == {(tiles.shape, np.dtype(np.uint8))}
    distances = [distance(one, tiles) for one in corrupted]
    assert 1 < distances[0] < distances[1] < distances[2]


@pytest.mark.parametrize("name", WITHOUT_EFFECT)
def test_a_level_without_effect_gives_the_same_bytes(name, tiles):
    corrupt = load_attribute(CORRUPTIONS[name].corrupt)
    extremes = np.stack([np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)])
    for image in (*tiles, *extremes):
        assert np.array_equal(corrupt(image, WITHOUT_EFFECT[name], random()), image)


def test_a_single_stain_becomes_the_other_centers_in_color_and_amount():
    def pixel(vector, amount):
        return WHITE * 10 ** -(amount * vector / np.linalg.norm(vector))

    image = np.rint(pixel(HEMATOXYLIN, 0.6)).astype(np.uint8)[None, None]
    shifted = stain(image, 1, random())
    expected = pixel(HEMATOXYLIN + SHIFTED_HEMATOXYLIN, 0.6 * SHIFTED_AMOUNT[0])
    assert np.abs(shifted[0, 0] - expected).max() < 1
    paler = np.rint(pixel(EOSIN, 0.6)).astype(np.uint8)[None, None]
    assert stain(paler, 1, random()).mean() > paler.mean()  # the other center stains with less eosin


@pytest.mark.parametrize("shift", [0.5, 1.0])
def test_stain_and_a_darker_lamp_make_tiles_as_the_other_center_renders_them(shift, tiles):
    """The phantom renders the same tissue with its other center's stain and lamp: the truth is known."""
    other = render_tiles(LABELS, 32, (0, 77), shift)
    restained = np.stack([brightness(stain(tile, shift, random()), 1 - 0.95**shift, random()) for tile in tiles])
    assert distance(restained, other) < 0.2 * distance(tiles, other)
    assert distance(restained, other) < 2
    of_tile = [distance(a, b) / distance(c, b) for a, b, c in zip(restained, other, tiles, strict=True)]
    assert max(of_tile) < 0.7
    # The lamp alone explains less than half of the way, so that it is the stain that is right.
    darker = np.stack([brightness(tile, 1 - 0.95**shift, random()) for tile in tiles])
    assert distance(restained, other) < 0.5 * distance(darker, other)


def test_a_classifier_falls_on_stained_tiles_as_on_tiles_of_the_other_center():
    """Nearest mean color: what it loses under the corruption is what it loses in the other center."""
    labels = np.arange(450) % 9
    clean, other = (render_tiles(labels, 16, (0, 78), shift) for shift in (0.0, 1.0))
    corrupted = np.stack([brightness(stain(tile, 1, random()), 0.05, random()) for tile in clean])
    train = render_tiles(labels, 16, (0, 79), 0.0).mean(axis=(1, 2))
    means = np.stack([train[labels == label].mean(axis=0) for label in range(9)])

    def answers(images):
        return np.square(images.mean(axis=(1, 2))[:, None] - means).sum(axis=2).argmin(axis=1)

    accuracy = [(answers(images) == labels).mean() for images in (clean, other, corrupted)]
    assert accuracy[0] - accuracy[1] > 0.1
    assert accuracy[2] == pytest.approx(accuracy[1], abs=0.04)
    assert (answers(corrupted) == answers(other)).mean() > 0.85


def test_brightness_takes_a_share_of_the_light_and_never_leaves_the_gray_levels():
    image = np.array([[[0, 100, 255]]], np.uint8)
    assert brightness(image, 0.2, random()).tolist() == [[[0, 80, 204]]]
    assert brightness(image, -0.2, random()).tolist() == [[[0, 120, 255]]]


def test_blur_of_a_point_is_the_gaussian_and_of_a_plane_nothing():
    point = np.zeros((21, 21, 3), np.uint8)
    point[10, 10] = 255
    x = np.arange(-10, 11)
    line = np.exp(-(x**2) / (2 * 1.5**2))
    expected = 255 * np.outer(line, line) / line.sum() ** 2
    blurred = blur(point, 1.5, random())
    assert np.abs(blurred[..., 0] - expected).max() <= 0.75
    assert np.array_equal(blurred[..., 0], blurred[..., 2])
    plane = np.full((9, 9, 3), 137, np.uint8)
    assert np.array_equal(blur(plane, 2, random()), plane)


def test_jpeg_is_pillows_at_that_quality_and_is_repeatable(tiles):
    stream = BytesIO()
    Image.fromarray(tiles[0]).save(stream, "JPEG", quality=50)
    assert np.array_equal(jpeg(tiles[0], 50, random()), np.asarray(Image.open(BytesIO(stream.getvalue()))))
    assert np.array_equal(jpeg(tiles[0], 50, random(1)), jpeg(tiles[0], 50, random(2)))
    plane = np.full((16, 16, 3), 128, np.uint8)
    assert np.array_equal(jpeg(plane, 20, random()), plane)


def test_noise_has_its_standard_deviation_and_is_one_draw_at_every_level():
    gray = np.full((100, 100, 3), 128, np.uint8)
    mild, strong = (noise(gray, level, random(5)).astype(float) - 128 for level in (4, 16))
    assert mild.std() == pytest.approx(4, rel=0.02)
    assert strong.std() == pytest.approx(16, rel=0.02)
    assert strong.mean() == pytest.approx(0, abs=0.3)
    assert np.abs(strong - 4 * mild).max() <= 2.5  # both are rounded
    assert not np.array_equal(noise(gray, 4, random(5)), noise(gray, 4, random(6)))


def test_resolution_is_the_mean_of_wider_pixels_resized_bilinearly(tiles):
    pixels = torch.from_numpy(tiles[3]).permute(2, 0, 1)[None].double()
    coarse = F.avg_pool2d(pixels, 2).round()
    expected = F.interpolate(coarse, size=(32, 32), mode="bilinear", align_corners=False)[0].permute(1, 2, 0)
    # Pillow rounds after each axis.
    assert np.abs(resolution(tiles[3], 2, random()) - expected.numpy()).max() <= 2
    assert (resolution(tiles[3], 2, random()) - expected.numpy()).mean() == pytest.approx(0, abs=0.8)
    assert resolution(tiles[3], 100, random()).reshape(-1, 3).std(axis=0).max() == 0

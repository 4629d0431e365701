import numpy as np
import pytest
from skimage.color import rgb2hed

from synthpath_kedro.data.phantom.render import render_tiles
from synthpath_kedro.metrics.stain import optical_density, stain_densities, stain_statistics

HEMATOXYLIN, EOSIN = np.array([0.65, 0.70, 0.29]), np.array([0.07, 0.99, 0.11])


def stained(hematoxylin, eosin):
    """Light through these densities, float [..., 3]."""
    return 255 * 10 ** -(np.asarray(hematoxylin)[..., None] * HEMATOXYLIN + np.asarray(eosin)[..., None] * EOSIN)


def test_density_of_light():
    assert optical_density(np.array([255, 25.5, 1, 0])) == pytest.approx([0, 1, np.log10(255), np.log10(255)])


def test_densities_that_were_put_in_come_out():
    found = stain_densities(stained([0.3, 0.0, 0.5], [0.0, 0.4, 0.2]))
    assert found == pytest.approx(np.array([[0.3, 0.0], [0.0, 0.4], [0.5, 0.2]]), abs=1e-6)


def test_densities_are_scikit_images():
    images = render_tiles(np.arange(9), 32, (0, 0), 0.0).clip(1)
    theirs = -np.log10(1e-6) * rgb2hed(images)[..., :2]  # in units of its smallest light, and not below 0
    assert stain_densities(images).clip(0) == pytest.approx(theirs, abs=1e-5)


def test_statistics_are_means_and_deviations_in_hundredths_of_density():
    amounts = np.full((32, 32), 0.2)
    amounts[:16] = 0.4
    image = np.rint(stained(amounts, np.full((32, 32), 0.1))).astype(np.uint8)
    assert stain_statistics(image[None])[0] == pytest.approx([30, 10, 10, 0], abs=0.3)


def test_sharpness_does_not_count():
    image = np.random.default_rng(0).integers(60, 200, (1, 32, 32, 3)).astype(np.uint8)
    blocks = image.reshape(1, 8, 4, 8, 4, 3).mean(axis=(2, 4), keepdims=True)
    smooth = np.rint(np.broadcast_to(blocks, (1, 8, 4, 8, 4, 3)).reshape(image.shape)).astype(np.uint8)
    assert stain_statistics(smooth) == pytest.approx(stain_statistics(image), abs=0.3)


def test_a_color_that_failed_counts_as_the_densest_stain():
    failed, densest = (np.full((1, 16, 16, 3), [139, green, 255], np.uint8) for green in (4, 25))
    assert stain_statistics(failed) == pytest.approx(stain_statistics(densest))


@pytest.mark.parametrize("size", [5, 28, 30])
def test_images_of_any_size_have_statistics(size):
    image = np.full((2, size, size, 3), 128, np.uint8)
    assert stain_statistics(image) == pytest.approx(
        np.tile([*100 * stain_densities(image[0, 0, 0]), 0, 0], (2, 1)), abs=1e-3
    )

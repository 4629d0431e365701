from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from synthpath_kedro.metrics.neighbors import nearest_neighbors
from synthpath_kedro.metrics.privacy import (
    authenticity,
    closest_pairs,
    near_duplicates,
    nearest_training_images,
)

DIMENSIONS = 48


def _tissue(n, rng):
    """Draws of a Gaussian mixture: the images an ideal, not over-fitted denoiser would give."""
    centers = np.random.default_rng(99).normal(0, 3, (9, DIMENSIONS))
    return centers[rng.integers(0, 9, n)] + rng.normal(size=(n, DIMENSIONS))


def _optimal_denoiser_samples(train, n, rng, steps=40):
    """Heun sampling of the closed-form optimal denoiser of ``train`` (Karras et al. 2022, eq. 57): it can only copy."""
    sigmas = np.concatenate([np.geomspace(80, 0.002, steps), [0.0]])

    def slope(x, sigma):
        logits = -(cdist(x, train, "sqeuclidean")) / (2 * sigma**2)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (x - weights @ train / weights.sum(axis=1, keepdims=True)) / sigma

    x = rng.normal(size=(n, train.shape[1])) * sigmas[0]
    for sigma, smaller in pairwise(sigmas):
        d = slope(x, sigma)
        euler = x + (smaller - sigma) * d
        x = euler if smaller == 0 else x + (smaller - sigma) * (d + slope(euler, smaller)) / 2
    return x


def _near_copies(synthetic, held_out, train):
    return near_duplicates(*(nearest_training_images(x, train).distances[:, 0] for x in (synthetic, held_out)))


def test_the_optimal_denoiser_of_fifty_tiles_is_caught():
    rng = np.random.default_rng(0)
    train, held_out = _tissue(50, rng), _tissue(200, rng)
    synthetic = _optimal_denoiser_samples(train, 100, rng)
    found = _near_copies(synthetic, held_out, train)
    assert found.caught()
    assert found.share == 1
    assert found.p < 1e-20
    assert authenticity(synthetic, train) == 0


def test_five_percent_of_exact_copies_are_caught():
    rng = np.random.default_rng(1)
    train, held_out, synthetic = _tissue(600, rng), _tissue(300, rng), _tissue(400, rng)
    synthetic[:20] = train[:20]
    found = _near_copies(synthetic, held_out, train)
    assert found.caught()
    assert 0.05 <= found.share < 0.08
    assert found.held_out_share <= 0.01


def test_fair_draws_seldom_raise_the_alarm():
    alarms = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        alarms += _near_copies(_tissue(150, rng), _tissue(150, rng), _tissue(300, rng)).caught()
    assert alarms / 200 <= 0.08


@pytest.mark.parametrize(("held_out", "synthetic"), [(165, 1000), (1000, 165), (30, 30)])
def test_the_alarms_p_is_valid_at_any_sizes(held_out, synthetic):
    rng = np.random.default_rng(0)
    p = np.array([near_duplicates(rng.random(synthetic), rng.random(held_out)).p for _ in range(1000)])
    assert (p <= 0.05).mean() <= 0.065
    assert (p <= 0.2).mean() <= 0.23


def test_the_threshold_is_the_held_out_tail():
    held_out = np.arange(1, 201) / 100
    found = near_duplicates(np.array([0.005, 0.015, 0.5, 3.0]), held_out, tail=0.01)
    assert found.threshold == 0.02
    assert found.held_out_share == 0.005
    assert found.share == 0.5


def test_held_out_images_that_are_copies_themselves_do_not_hide_synthetic_copies():
    rng = np.random.default_rng(0)
    held_out, synthetic = rng.uniform(1, 2, 100), rng.uniform(1, 2, 100)
    held_out[:3], synthetic[:20] = 0, 0
    found = near_duplicates(synthetic, held_out)
    assert found.threshold >= 1
    assert found.caught()


def test_p_of_two_copies_below_the_nearest_of_three_held_out_images_by_hand():
    found = near_duplicates(np.array([0.1, 0.2, 5.0]), np.array([1.0, 2.0, 3.0]))
    assert found.p == pytest.approx((3 / 6) * (2 / 5))
    assert near_duplicates(np.array([5.0]), np.array([1.0])).p == 1


def test_without_held_out_images_there_is_no_calibration():
    with pytest.raises(ValueError, match="held-out"):
        near_duplicates(np.array([1.0]), np.array([]))


def test_authenticity_is_the_papers_definition():
    rng = np.random.default_rng(3)
    train, images = _tissue(80, rng), _tissue(60, rng)
    to_train, within = cdist(images, train), cdist(train, train)
    np.fill_diagonal(within, np.inf)
    nearest = to_train.argmin(axis=1)
    expected = (to_train.min(axis=1) >= within.min(axis=1)[nearest]).mean()
    assert 0 < expected < 1
    assert authenticity(images, train) == pytest.approx(expected)


def test_training_images_that_occur_twice_are_no_sign_of_copying():
    train = np.repeat(np.eye(4) * 10, 2, axis=0)
    assert authenticity(np.eye(4) * 10.1, train) == 1


def test_closest_pairs_show_each_training_image_once():
    train = np.array([[0.0], [10.0], [20.0]])
    pairs = closest_pairs(nearest_neighbors(np.array([[0.2], [0.1], [19.0], [14.0]]), train), n=2)
    assert pairs.synthetic.tolist() == [1, 2]
    assert pairs.train.tolist() == [0, 2]
    assert pairs.distances.tolist() == pytest.approx([0.1, 1.0])


@pytest.fixture
def tile_pixels(real_tiles):
    with np.load(real_tiles / "pathmnist_tiles_28.npz") as file:
        return {split: file[f"{split}_images"].reshape(len(file[f"{split}_images"]), -1) for split in ("train", "val")}


def test_real_tiles_in_halves_are_fair_and_copies_among_them_are_caught(tile_pixels):
    distances = nearest_training_images(tile_pixels["val"], tile_pixels["train"]).distances[:, 0]
    half, alarms = len(distances) // 2, 0
    for seed in range(200):
        shuffled = np.random.default_rng(seed).permutation(distances)
        alarms += near_duplicates(shuffled[:half], shuffled[half:]).caught()
    assert alarms / 200 <= 0.08
    copied = tile_pixels["val"].copy()
    copied[:10] = tile_pixels["train"][:10]
    assert near_duplicates(nearest_training_images(copied, tile_pixels["train"]).distances[:, 0], distances).caught()
    assert authenticity(copied, tile_pixels["train"]) < authenticity(tile_pixels["val"], tile_pixels["train"])

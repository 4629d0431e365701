import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from synthpath_kedro.data.sharded import ShardedImages
from synthpath_kedro.metrics.color_baseline import color_baseline, mean_colors


def test_mean_colors_are_those_of_each_channel_over_the_whole_image():
    images = np.zeros((2, 4, 4, 3), np.uint8)
    images[0, ..., 0] = 255
    images[1, :2, :, 2] = 51
    assert mean_colors(images) == pytest.approx(np.array([[1, 0, 0], [0, 0, 0.1]]))
    assert mean_colors(images[:0]).shape == (0, 3)


def test_images_in_many_parts_have_the_colors_of_the_whole():
    images = np.random.default_rng(0).integers(0, 256, (2500, 2, 2, 3), dtype=np.uint8)
    parts = ShardedImages([images[:7], images[7:1500], images[1500:]])
    assert mean_colors(parts) == pytest.approx(images.reshape(2500, 4, 3).mean(axis=1) / 255)


@pytest.fixture
def colors():
    """Three overlapping classes, 200 images each."""
    labels = np.arange(600) % 3
    return np.random.default_rng(1).normal(0.2 * labels[:, None], 0.1, (600, 3)), labels


def test_it_is_scikit_learns_regression_on_standardized_colors(colors):
    x, labels = colors
    mean, std = x.mean(axis=0), x.std(axis=0)
    expected = LogisticRegression().fit((x - mean) / std, labels).predict_proba((x[:50] - mean) / std)
    found = color_baseline(x, labels, x[:50], 3)
    assert found == pytest.approx(expected, abs=1e-3)
    assert found.sum(axis=1) == pytest.approx(np.ones(50))


def test_weights_stand_for_repeated_images(colors):
    x, labels = colors
    weights = np.where(np.arange(600) < 100, 3.0, 1.0)
    repeated = np.repeat(np.arange(600), weights.astype(int))
    # Only the standardization, which takes each image once, differs, and with it the penalty a little.
    expected = color_baseline(x[repeated], labels[repeated], x, 3)
    assert color_baseline(x, labels, x, 3, weights) == pytest.approx(expected, abs=0.01)


def test_a_class_that_was_not_trained_on_has_no_probability(colors):
    x, labels = colors
    without = labels != 1
    found = color_baseline(x[without], labels[without], x, 4)
    assert (found[:, [1, 3]] == 0).all()
    assert (found[:, [0, 2]] > 0).all()
    alone = color_baseline(x[labels == 2], labels[labels == 2], x[:5], 4)
    assert alone.tolist() == [[0, 0, 1, 0]] * 5


def test_images_of_one_color_say_nothing():
    x, labels = np.full((9, 3), 0.5), np.arange(9) % 3
    assert color_baseline(x, labels, x, 3) == pytest.approx(np.full((9, 3), 1 / 3), abs=1e-3)

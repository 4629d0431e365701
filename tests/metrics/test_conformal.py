from math import inf

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import binom

from synthpath_kedro.metrics.conformal import exchangeable_range, lac_threshold, prediction_sets


def _drawn(n, rng, classes=4):
    """Overconfident probabilities, and labels."""
    logits = rng.normal(0, 1.5, (n, classes))
    labels = (softmax(logits, axis=1).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(max=classes - 1)
    return softmax(3 * logits, axis=1), labels


def test_the_threshold_is_the_stated_order_statistic():
    of_label = np.array([0.9, 0.1, 0.6, 0.8, 0.3, 0.7, 0.2, 0.5, 0.4])
    probabilities = np.stack([of_label, 1 - of_label], axis=1)
    labels = np.zeros(9, int)
    assert lac_threshold(probabilities, labels, 0.9) == pytest.approx(0.9)  # ceil(10 x 0.9) = 9th smallest of 9
    assert lac_threshold(probabilities, labels, 0.75) == pytest.approx(0.8)  # ceil(7.5) = 8th
    assert lac_threshold(probabilities, labels, 0.5) == pytest.approx(0.5)  # 5th
    assert lac_threshold(probabilities, labels, 0.91) == inf


def test_every_class_that_is_likely_enough_belongs_to_the_set():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.4, 0.4, 0.2], [0.35, 0.33, 0.32]])
    sets = prediction_sets(probabilities, 1 - 0.38)
    assert sets.tolist() == [[True, False, False], [True, True, False], [False, False, False]]
    assert prediction_sets(probabilities, inf).all()


@pytest.mark.parametrize("n", [20, 99, 500])
def test_as_many_sets_as_promised_hold_the_true_class_of_images_like_the_calibration_images(n):
    rng = np.random.default_rng(n)
    held, studies = 0, 3000
    for _ in range(studies):
        threshold = lac_threshold(*_drawn(n, rng), 0.9)
        probabilities, labels = _drawn(1, rng)
        held += prediction_sets(probabilities, threshold)[0, labels[0]]
    exact = np.ceil((n + 1) * 0.9) / (n + 1)
    low, high = binom.interval(0.999, studies, exact)
    assert low <= held <= high
    assert exact >= 0.9


@pytest.mark.parametrize("n", [20, 180])
def test_the_expected_range_holds_the_coverage_of_95_of_100_studies_without_a_shift(n):
    rng = np.random.default_rng(n)
    low, high = exchangeable_range(n, 0.9, 300)
    reached = []
    for _ in range(1000):
        threshold = lac_threshold(*_drawn(n, rng), 0.9)
        probabilities, labels = _drawn(300, rng)
        reached.append(prediction_sets(probabilities, threshold)[np.arange(300), labels].mean())
    reached = np.array(reached)
    outside = [(reached < low).mean(), (reached > high).mean()]
    assert max(outside) <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / 1000)
    assert ((low <= reached) & (reached <= high)).mean() < 0.98


def test_the_expected_range_is_wider_where_images_are_alike_and_nothing_where_none_is_independent():
    low, high = exchangeable_range(180, 0.9, 540)
    assert (low, high) == pytest.approx((0.846, 0.946), abs=0.01)
    wide = exchangeable_range(180, 0.9, 540, design_effect=10)
    assert wide[0] < low - 0.05
    assert wide[1] > high
    assert exchangeable_range(180, 0.9, 540, inf) == (0, 1)
    assert exchangeable_range(8, 0.9, 540) == (1, 1)


def test_nothing_is_promised_for_images_of_another_kind():
    rng = np.random.default_rng(0)
    threshold = lac_threshold(*_drawn(2000, rng), 0.9)
    probabilities, labels = _drawn(2000, rng)
    shifted = np.roll(probabilities, 1, axis=1)
    assert prediction_sets(shifted, threshold)[np.arange(2000), labels].mean() < 0.6


def test_it_is_the_same_in_float32_and_float64():
    rng = np.random.default_rng(1)
    probabilities, labels = _drawn(99, rng)
    single = probabilities.astype(np.float32)
    held = prediction_sets(single, lac_threshold(single, labels, 0.9))[np.arange(99), labels]
    assert held.sum() == 90

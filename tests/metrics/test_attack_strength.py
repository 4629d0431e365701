from math import inf, isnan

import numpy as np
import pytest
from scipy import stats

from synthpath_kedro.metrics.attack_strength import halving_budget, share_interval

EPS = np.array([0, 1, 2, 4, 8]) / 255


@pytest.mark.parametrize(
    ("accuracy", "expected"),
    [
        ([0.8, 0.7, 0.5, 0.3, 0.1], 3 / 255),  # half of .8 is midway between 2 and 4
        ([0.8, 0.4, 0.0, 0.0, 0.0], 1 / 255),
        ([0.8, 0.0, 0.0, 0.0, 0.0], 0.5 / 255),
        ([0.8, 0.8, 0.8, 0.8, 0.41], inf),
        ([0.8, 0.3, 0.5, 0.3, 0.1], 0.8 / 255),  # the first crossing
    ],
)
def test_the_budget_that_halves_accuracy_is_on_the_line_between_two_budgets(accuracy, expected):
    assert halving_budget(EPS, np.array(accuracy)) == pytest.approx(expected)


def test_nothing_can_be_halved():
    assert isnan(halving_budget(EPS, np.zeros(5)))


@pytest.mark.parametrize("right", [0, 3, 20, 54])
def test_the_interval_is_wilsons(right):
    scores = (np.arange(54) < right).astype(float)[None]
    expected = stats.binomtest(right, 54).proportion_ci(0.95, method="wilson")
    assert share_interval(scores, None) == pytest.approx((expected.low, expected.high))
    assert share_interval(np.repeat(scores, 5, axis=0), None) == pytest.approx((expected.low, expected.high))


def test_images_of_one_patient_count_as_one():
    right, groups = np.repeat([1.0, 0, 1, 0, 1, 1], 9)[None], np.repeat(np.arange(6), 9)
    expected = stats.binomtest(4, 6).proportion_ci(0.95, method="wilson")
    low, high = share_interval(right, groups)
    assert low == pytest.approx(expected.low, abs=0.03)
    assert high == pytest.approx(expected.high, abs=0.03)
    everything = stats.binomtest(6, 6).proportion_ci(0.95, method="wilson")
    assert share_interval(np.ones((1, 54)), groups) == pytest.approx((everything.low, everything.high))
    alone = share_interval(right, np.arange(54))
    assert alone == pytest.approx(share_interval(right, None), abs=0.005)


def test_the_interval_covers_the_true_share():
    rng = np.random.default_rng(0)
    drawn = (rng.random((2000, 1, 54)) < 0.1).astype(float)
    covered = [low <= 0.1 <= high for low, high in (share_interval(scores, None) for scores in drawn)]
    assert 0.93 < np.mean(covered) < 0.99

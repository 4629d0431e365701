import numpy as np
import pytest
from scipy.stats import binomtest

from synthpath_kedro.metrics.proportion import proportion_interval


@pytest.mark.parametrize(("k", "n"), [(0, 20), (3, 20), (20, 20), (450, 540)])
def test_without_groups_the_interval_is_clopper_and_pearsons(k, n):
    exact = binomtest(k, n).proportion_ci(method="exact")
    assert proportion_interval(np.arange(n) < k) == pytest.approx((exact.low, exact.high))


def test_groups_of_one_image_change_nothing_where_images_are_independent():
    hits = np.arange(400) % 4 > 0
    assert proportion_interval(hits, np.arange(400)) == pytest.approx(proportion_interval(hits), abs=1e-3)


def test_groups_of_like_images_are_worth_one_image_each():
    hits = np.arange(200) < 150
    low, high = proportion_interval(np.repeat(hits, 5), np.repeat(np.arange(200), 5))
    assert (low, high) == pytest.approx(proportion_interval(hits), abs=0.005)


def test_groups_that_all_agree_say_as_much_as_so_many_images():
    exact = binomtest(8, 8).proportion_ci(method="exact")
    found = proportion_interval(np.ones(100, bool), np.arange(100) % 8)
    assert found == pytest.approx((exact.low, exact.high))


def test_one_group_says_nothing_and_no_image_less():
    assert proportion_interval(np.array([True, False]), np.array([7, 7])) == (0, 1)
    assert np.isnan(proportion_interval(np.empty(0, bool))).all()


@pytest.mark.parametrize("n_groups", [10, 30])
def test_it_covers_the_true_share_where_patients_differ(n_groups):
    rng = np.random.default_rng(0)
    groups, covered, alone = np.repeat(np.arange(n_groups), 20), [], []
    for _ in range(600):
        hits = rng.random(len(groups)) < np.repeat(rng.beta(7, 3, n_groups), 20)
        for found, interval in ((covered, proportion_interval(hits, groups)), (alone, proportion_interval(hits))):
            found.append(interval[0] <= 0.7 <= interval[1])
    assert np.mean(covered) > 0.93 > 0.8 > np.mean(alone)

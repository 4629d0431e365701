import numpy as np
import pytest
from scipy import stats

from synthpath_kedro.metrics.copies import calibrate, count_copies


def fair(n, rng, center=0.0, spread=0.05, n_classes=4):
    """Distances, own distances and classes of images that copy nothing."""
    own = rng.uniform(0.9, 1.1, n)
    return own * np.exp(rng.normal(center, spread, n)), own, rng.integers(0, n_classes, n)


def test_the_threshold_lies_five_deviations_below_the_center():
    distances, own, classes = fair(40_000, np.random.default_rng(0), center=-0.1)
    made = calibrate(distances, own, classes, 4)
    assert made.center == pytest.approx([-0.1] * 4, abs=0.01)
    assert made.threshold == pytest.approx([np.exp(-0.1 - 5 * 0.05)] * 4, rel=0.02)
    assert made.own == pytest.approx([1.0] * 4, abs=0.01)


def test_held_out_images_that_are_copies_do_not_hide_others():
    rng = np.random.default_rng(1)
    distances, own, classes = fair(200, rng)
    distances[:20] = 0.0
    made = calibrate(distances, own, classes, 4)
    assert made.suspects(made.relative(distances, own, classes), classes).sum() == 20
    assert (made.threshold > 0.5).all()


def test_a_class_without_held_out_images_takes_what_all_have():
    distances, own, classes = fair(100, np.random.default_rng(2), n_classes=3)
    made = calibrate(distances, own, classes, 4)
    of_all = np.median(np.log(distances / own))
    assert made.center[3] == pytest.approx(of_all, abs=1e-9)


def test_a_copy_of_a_tile_that_the_training_set_holds_twice_is_found():
    distances, own, classes = fair(100, np.random.default_rng(3))
    made = calibrate(distances, own, classes, 4)
    relative = made.relative(np.array([0.05, 0.9]), np.array([0.01, 0.01]), np.array([0, 0]))
    assert made.suspects(relative, np.array([0, 0])).tolist() == [True, False]


def test_images_that_cannot_be_compared_are_no_suspects():
    distances, own, classes = fair(50, np.random.default_rng(4))
    made = calibrate(np.r_[distances, np.nan], np.r_[own, 1.0], np.r_[classes, 0], 4)
    assert np.isfinite(made.threshold).all()
    assert not made.suspects(np.array([np.nan]), np.array([0])).any()
    assert not calibrate(np.array([np.nan]), np.array([1.0]), np.array([0]), 2).suspects(np.zeros(1), np.zeros(1, int))


def test_none_among_two_thousand_are_at_most_fifteen_in_ten_thousand():
    count = count_copies(np.zeros(2000, bool), np.zeros(100, bool))
    assert count.upper_bound == pytest.approx(1 - 0.05 ** (1 / 2000))
    assert round(count.upper_bound, 4) == 0.0015
    assert (count.p, count.alarm) == (1.0, False)


def test_the_upper_bound_is_that_of_clopper_and_pearson():
    count = count_copies(np.arange(540) < 60, np.zeros(100, bool))
    low_tail = stats.binom.cdf(60, 540, count.upper_bound)
    assert low_tail == pytest.approx(0.05)
    assert count_copies(np.ones(5, bool), np.zeros(5, bool)).upper_bound == 1


def test_p_counts_suspects_beyond_the_share_that_held_out_images_have():
    suspects = np.arange(540) < 20
    assert count_copies(suspects, np.zeros(96, bool)).p == pytest.approx(stats.binom.sf(19, 540, 0.005))
    assert count_copies(suspects, np.arange(96) < 5).p == pytest.approx(stats.binom.sf(19, 540, 5 / 96))
    assert count_copies(suspects, np.zeros(96, bool)).alarm
    assert not count_copies(suspects, np.arange(96) < 5).alarm

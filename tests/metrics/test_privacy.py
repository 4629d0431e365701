import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from synthpath_kedro.metrics.privacy import membership_inference


def test_membership_auc_is_scikit_learns():
    rng = np.random.default_rng(0)
    train, held_out = rng.normal(0, 1, 300).round(1), rng.normal(0.3, 1, 200).round(1)
    oracle = roc_auc_score(np.r_[np.ones(300), np.zeros(200)], -np.r_[train, held_out])
    found = membership_inference(train, held_out)
    assert found.auc == pytest.approx(oracle)
    assert found.low < found.auc < found.high
    assert (found.n_train, found.n_held_out) == (300, 200)


def test_delongs_variance_of_five_losses_by_hand():
    found = membership_inference(np.array([1.0, 3.0]), np.array([2.0, 4.0, 5.0]))
    error = np.sqrt(np.var([1, 2 / 3], ddof=1) / 2 + np.var([1 / 2, 1, 1], ddof=1) / 3)
    assert found.auc == pytest.approx(5 / 6)
    assert found.low == pytest.approx(5 / 6 - 1.959964 * error)
    assert found.high == 1


def test_the_membership_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    found = [membership_inference(rng.normal(0, 1, 150), rng.normal(0, 1, 100)) for _ in range(600)]
    assert np.mean([f.low <= 0.5 <= f.high for f in found]) == pytest.approx(0.95, abs=0.02)


def test_perfect_separation_still_has_an_interval():
    found = membership_inference(np.arange(50.0), np.arange(100.0, 130.0))
    assert (found.auc, found.high) == (1, 1)
    assert found.low == pytest.approx(0.025 ** (1 / 30))
    assert membership_inference(np.arange(100.0, 130.0), np.arange(50.0)).low == 0

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from synthpath_kedro.metrics import fidelity
from synthpath_kedro.metrics.fidelity import (
    class_distances,
    debiased_frechet_distance,
    frechet_distance,
    kernel_distance,
    precision_recall_density_coverage,
)


class _Features(nn.Module):
    """Lets torchmetrics take features for images."""

    num_features = 8

    def forward(self, features):
        return features


def _sets(n=60, m=60, dimensions=8, shift=0.5, seed=0):
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(dimensions, dimensions))
    return rng.normal(size=(n, dimensions)), rng.normal(size=(m, dimensions)) @ mixing + shift


def _with_moments(mean, covariance, n=50, seed=0):
    """Points with exactly this sample mean and covariance."""
    x = np.random.default_rng(seed).normal(size=(n, len(mean)))
    x -= x.mean(0)
    whitened = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return whitened @ np.linalg.cholesky(covariance).T + mean


def test_frechet_distance_of_commuting_gaussians_is_the_closed_form():
    a = _with_moments([0.0, 0.0, 0.0], np.diag([1.0, 4.0, 9.0]))
    b = _with_moments([3.0, 0.0, 4.0], np.diag([4.0, 4.0, 1.0]), seed=1)
    assert frechet_distance(a, b) == pytest.approx(25 + (1 - 2) ** 2 + 0 + (3 - 1) ** 2)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-12)


def test_frechet_distance_is_the_matrix_root_formula():
    a, b = _sets()
    s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s + t - 2 * sqrtm(s @ t).real)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_is_torchmetrics():
    a, b = _sets(n=60, m=90)
    oracle = FrechetInceptionDistance(feature=_Features(), normalize=True, input_img_size=(8,))
    oracle.set_dtype(torch.float64)
    oracle.orig_dtype = torch.float64
    oracle.used_custom_model = True
    oracle.update(torch.from_numpy(a), real=True)
    oracle.update(torch.from_numpy(b), real=False)
    assert frechet_distance(a, b) == pytest.approx(oracle.compute().item(), rel=1e-5)


def test_too_few_images_have_no_frechet_distance():
    a, b = _sets(n=8, m=100)
    assert np.isnan(frechet_distance(a, b))
    assert np.isnan(frechet_distance(b, a))
    assert np.isfinite(frechet_distance(*_sets(n=9, m=9)))


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception")
def test_kernel_distance_is_torchmetrics():
    a, b = _sets()
    oracle = KernelInceptionDistance(feature=_Features(), subsets=1, subset_size=60, normalize=True)
    oracle.used_custom_model = True
    oracle.update(torch.from_numpy(a), real=True)
    oracle.update(torch.from_numpy(b), real=False)
    assert kernel_distance(a, b) == pytest.approx(oracle.compute()[0].item(), rel=1e-5)


def test_kernel_distance_of_four_points_by_hand(monkeypatch):
    monkeypatch.setattr(fidelity, "_BLOCK_BYTES", 8)
    a, b = np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]])
    assert kernel_distance(a, b) == (1 + 1) / 2 + (27 + 27) / 2 - 2 * (1 + 1 + 8 + 27) / 4
    assert np.isnan(kernel_distance(a[:1], b))


def test_kernel_distance_is_unbiased_at_any_size():
    rng = np.random.default_rng(0)
    draws = [kernel_distance(rng.normal(size=(n, 4)), rng.normal(size=(20, 4))) for n in (5, 40) for _ in range(500)]
    assert np.mean(draws) == pytest.approx(0, abs=4 * np.std(draws) / np.sqrt(1000))
    assert min(draws) < 0


@pytest.mark.parametrize("k", [1, 3, 5])
def test_balls_are_counted_as_the_papers_define_them(k, monkeypatch):
    monkeypatch.setattr(fidelity, "_BLOCK_BYTES", 8 * 80 * 7)
    a, b = _sets(n=80, m=50, dimensions=3)
    cross, within_a, within_b = cdist(a, b), np.sort(cdist(a, a), axis=1), np.sort(cdist(b, b), axis=1)
    in_reference_ball, in_candidate_ball = cross <= within_a[:, [k]], cross <= within_b[:, k]
    assert precision_recall_density_coverage(a, b, k) == pytest.approx(
        {
            "precision": in_reference_ball.any(0).mean(),
            "recall": in_candidate_ball.any(1).mean(),
            "density": in_reference_ball.sum(0).mean() / k,
            "coverage": (cross.min(1) <= within_a[:, k]).mean(),
        }
    )


def test_five_points_by_hand():
    reference, candidate = np.array([[0.0], [1.0], [3.0]]), np.array([[0.5], [10.0]])
    assert precision_recall_density_coverage(reference, candidate, k=1) == pytest.approx(
        {"precision": 0.5, "recall": 1.0, "density": 1.0, "coverage": 2 / 3}
    )


def test_draws_from_one_distribution_have_the_expected_density_and_coverage():
    rng = np.random.default_rng(0)
    numbers = precision_recall_density_coverage(rng.normal(size=(1500, 4)), rng.normal(size=(1500, 4)), k=5)
    assert numbers["density"] == pytest.approx(1, abs=0.05)
    assert numbers["coverage"] == pytest.approx(1 - 2**-5, abs=0.02)


def test_a_distant_set_has_neither_precision_nor_coverage():
    a, b = _sets(shift=100)
    assert precision_recall_density_coverage(a, b) == {"precision": 0, "recall": 0, "density": 0, "coverage": 0}
    assert np.isnan(precision_recall_density_coverage(a[:5], b)["recall"])


def test_small_sets_add_nothing_to_the_debiased_frechet_distance():
    rng, mixing = np.random.default_rng(0), np.random.default_rng(1).normal(size=(4, 4))
    pairs = [(rng.normal(size=(20, 4)) @ mixing, rng.normal(size=(60, 4)) @ mixing) for _ in range(200)]
    biased, debiased = (
        np.array([measure(*pair) for pair in pairs]) for measure in (frechet_distance, debiased_frechet_distance)
    )
    assert biased.mean() > 10 * biased.std() / np.sqrt(200)
    assert abs(debiased.mean()) < 3 * debiased.std() / np.sqrt(200)
    assert debiased.std() < 1.1 * biased.std()


def test_the_debiased_frechet_distance_of_large_sets_is_the_closed_form():
    a = _with_moments([0.0, 0.0], np.diag([1.0, 4.0]), n=4000)
    b = _with_moments([3.0, 0.0], np.diag([4.0, 4.0]), n=4000, seed=1)
    assert debiased_frechet_distance(a, b) == pytest.approx(10, abs=0.02)


def test_sets_that_are_too_small_to_leave_any_image_out_have_no_debiased_distance():
    a, b = _sets(n=5, m=30, dimensions=4)
    assert np.isnan(debiased_frechet_distance(a, b))
    assert np.isnan(debiased_frechet_distance(a[:0], b))
    assert np.isfinite(debiased_frechet_distance(*_sets(n=6, m=6, dimensions=4)))


def test_each_class_is_compared_with_itself():
    a, b = _sets()
    labels = np.arange(60) % 2
    found = class_distances(kernel_distance, a, b, labels, labels, n_classes=2)
    assert found.values.tolist() == [kernel_distance(a[k::2], b[k::2]) for k in range(2)]
    assert found.mean == pytest.approx(found.values.mean())
    assert found.n_reference.tolist() == found.n_candidate.tolist() == [30, 30]


@pytest.mark.parametrize("n_left", [0, 1])
def test_a_missing_class_counts_with_its_distance_to_all_there_is(n_left):
    a, b = _sets()
    labels = np.arange(60) % 2
    kept = (labels == 0) | (np.cumsum(labels) <= n_left)
    found = class_distances(kernel_distance, a, b[kept], labels, labels[kept], n_classes=2)
    assert np.isnan(found.values[1])
    assert found.n_candidate.tolist() == [30, n_left]
    assert found.mean == pytest.approx((found.values[0] + kernel_distance(a[1::2], b[kept])) / 2)


def test_a_class_that_the_reference_lacks_does_not_count():
    a, b = _sets()
    labels = np.arange(60) % 3
    found = class_distances(kernel_distance, a[labels < 2], b, labels[labels < 2], labels, n_classes=3)
    assert np.isnan(found.values).tolist() == [False, False, True]
    assert found.mean == pytest.approx(found.values[:2].mean())
    assert np.isnan(class_distances(kernel_distance, a[:0], b, labels[:0], labels, n_classes=3).mean)

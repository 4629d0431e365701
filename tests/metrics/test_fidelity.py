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
    fidelity_table,
    frechet_distance,
    kernel_distance,
    kernel_distance_per_class,
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


def test_the_table_cuts_all_sets_to_the_smallest_and_ranks_the_reference_first():
    rng = np.random.default_rng(0)
    references = {"real_val": rng.normal(size=(300, 8)), "real_test": rng.normal(0.5, 1, size=(200, 8))}
    candidates = {"synthetic": rng.normal(1, 2, size=(250, 8)), "real_train": rng.normal(size=(400, 8))}
    table = fidelity_table(references, candidates, seed=0)
    assert table[["reference", "candidate"]].to_numpy().tolist() == [
        ["real_val", "synthetic"],
        ["real_val", "real_train"],
        ["real_test", "synthetic"],
        ["real_test", "real_train"],
    ]
    assert (table["n"] == 200).all()
    val = table[table["reference"] == "real_val"].set_index("candidate")
    assert val.loc["real_train", "frechet_distance"] < val.loc["synthetic", "frechet_distance"]
    assert val.loc["real_train", "kernel_distance"] < val.loc["synthetic", "kernel_distance"]
    assert table.equals(fidelity_table(references, candidates, seed=0))


def test_per_class_distances_compare_a_class_with_itself():
    a, b = _sets()
    labels = np.arange(60) % 2
    table = kernel_distance_per_class(a, b, labels, labels, n_classes=3)
    assert table["n_reference"].tolist() == table["n_candidate"].tolist() == [30, 30, 0]
    assert table["kernel_distance"][1] == pytest.approx(kernel_distance(a[1::2], b[1::2]))
    assert np.isnan(table["kernel_distance"][2])

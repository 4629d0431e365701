import numpy as np
import pytest
from scipy import stats

from synthpath_kedro.metrics.cross_validation import corrected_resampled_t


def test_the_published_formula_by_hand() -> None:
    differences = np.array([0.03, 0.01, 0.02, 0.04])
    found = corrected_resampled_t(differences, n_train=90, n_test=10)
    # s^2 = (0.005^2 + 0.015^2 + 0.005^2 + 0.015^2) / 3 = 1.6667e-4; (1/4 + 1/9) s^2 = 6.0185e-5
    assert found.difference == pytest.approx(0.025)
    assert found.standard_error == pytest.approx(0.0077579, abs=1e-7)
    assert found.degrees_of_freedom == 3
    assert found.difference / found.standard_error == pytest.approx(3.2225, abs=1e-4)
    assert found.p == pytest.approx(0.04846, abs=1e-4)
    assert found.interval() == pytest.approx((0.025 - 3.18245 * 0.0077579, 0.025 + 3.18245 * 0.0077579), abs=1e-6)
    assert found.lower_bound() == pytest.approx(0.025 - 2.35336 * 0.0077579, abs=1e-6)


def test_without_overlap_it_is_students_test() -> None:
    differences = np.random.default_rng(0).normal(0.01, 0.02, 12)
    found = corrected_resampled_t(differences, n_train=1e12, n_test=1)
    assert found.p == pytest.approx(stats.ttest_1samp(differences, 0).pvalue)


def test_ten_by_ten_folds_weigh_the_variance_as_bouckaert_and_frank_do() -> None:
    differences = np.random.default_rng(0).normal(0, 1, 100)
    found = corrected_resampled_t(differences, n_train=90, n_test=10)
    assert found.standard_error**2 / differences.var(ddof=1) == pytest.approx(1 / 100 + 1 / 9)


def test_one_fold_has_no_error_and_folds_that_agree_have_none() -> None:
    assert np.isnan(corrected_resampled_t(np.array([0.1]), 90, 10).p)
    assert corrected_resampled_t(np.full(5, 0.125), 90, 10).p == 0
    assert corrected_resampled_t(np.zeros(5), 90, 10).p == 1


def nearest_mean(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
    means = np.stack([train[labels == one].mean(axis=0) for one in (0, 1)])
    return ((test[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)


def cross_validated(generator: np.random.Generator, n: int, folds: int, repeats: int) -> np.ndarray:
    """Differences between two classifiers that see other, equally good features: none is better."""
    labels = np.arange(n) % 2
    features = generator.standard_normal((n, 8)) + 0.35 * labels[:, None]
    differences = []
    for _ in range(repeats):
        fold = generator.permutation(n) % folds
        for held_out in range(folds):
            train, test = fold != held_out, fold == held_out
            right = [
                (nearest_mean(features[train][:, own], labels[train], features[test][:, own]) == labels[test]).mean()
                for own in (slice(0, 4), slice(4, 8))
            ]
            differences.append(right[0] - right[1])
    return np.array(differences)


@pytest.mark.parametrize(("folds", "repeats"), [(5, 3), (2, 5), (10, 1)])
def test_no_effect_is_announced_in_at_most_six_of_a_hundred_studies(folds: int, repeats: int) -> None:
    n, studies = 100, 600
    p = [
        corrected_resampled_t(
            cross_validated(np.random.default_rng(study), n, folds, repeats), n - n // folds, n // folds
        ).p
        for study in range(studies)
    ]
    assert np.mean(np.array(p) < 0.05) <= 0.06

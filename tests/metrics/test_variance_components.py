import numpy as np
import pytest
from scipy import special, stats

from synthpath_kedro.metrics.variance_components import DISTINCT, PRIOR_COST, Differences, moderate


def _differences(replicates=4, n=500, seed_std=0.02, case_std=0.3, residual_std=0.4, seed=0):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(0, seed_std, (replicates, 1))
        + rng.normal(0, case_std, (1, n))
        + rng.normal(0, residual_std, (replicates, n))
    )


def test_components_are_the_obuchowski_rockette_estimates():
    differences = _differences()
    covariance = np.cov(differences) / differences.shape[1]
    off_diagonal = covariance[~np.eye(4, dtype=bool)].mean()
    found = Differences.of(differences, None)
    assert found.mean == pytest.approx(differences.mean())
    assert found.seed_variance == pytest.approx(differences.mean(axis=1).var(ddof=1))
    assert found.case_variance == pytest.approx(off_diagonal)
    assert found.residual_variance == pytest.approx(np.diag(covariance).mean() - off_diagonal)
    assert found.standard_error**2 == pytest.approx(found.seed_variance / 4 + off_diagonal)


def test_the_residual_of_image_by_seed_is_counted_once():
    draws = [_differences(5, 200, 0.01, 0.2, 0.5, seed) for seed in range(3000)]
    stacked = Differences.of(np.stack(draws), None)
    true = 0.01**2 / 5 + 0.2**2 / 200 + 0.5**2 / (5 * 200)
    assert np.var([draw.mean() for draw in draws]) == pytest.approx(true, rel=0.1)
    assert (stacked.seed_variance / 5 + stacked.case_variance).mean() == pytest.approx(true, rel=0.05)


def test_groups_of_one_image_change_nothing_and_copies_of_images_add_no_evidence():
    differences = _differences(3, 60)
    plain = Differences.of(differences, None)
    single = Differences.of(differences, np.arange(60) + 7)
    assert single.standard_error == pytest.approx(plain.standard_error)
    copied = Differences.of(np.tile(differences, 10), np.tile(np.arange(60), 10))
    assert copied.standard_error == pytest.approx(plain.standard_error)
    assert copied.case_df == pytest.approx(plain.case_df)
    assert Differences.of(np.tile(differences, 10), None).standard_error < plain.standard_error


def test_degrees_of_freedom_over_cases_fall_where_few_cases_differ():
    few = np.zeros((3, 1000))
    few[:, :4] = 1
    many = np.tile(np.arange(1000) % 2, (3, 1))
    assert Differences.of(few, None).case_df == pytest.approx(8, abs=0.2)
    assert Differences.of(many, None).case_df == 999
    groups = np.arange(1000) % 10
    assert Differences.of(_differences(3, 1000), groups).case_df <= 9


def test_the_critical_value_is_cochrans_and_coxs_weighted_t():
    found = Differences.of(_differences(), None)
    seed, case = found.seed_variance / 4, found.case_variance
    expected = (seed * stats.t.ppf(0.975, 3) + case * stats.t.ppf(0.975, found.case_df)) / (seed + case)
    assert found.critical_value(0.05) == pytest.approx(expected)


def test_p_is_where_the_critical_value_is_the_statistic():
    found = Differences.of(_differences() + 0.05, None)
    p = found.p()
    assert found.critical_value(p) == pytest.approx(found.mean / found.standard_error, rel=1e-6)
    assert found.p(null=found.mean) == pytest.approx(1)


def test_a_difference_without_any_error_is_certain_and_none_is_none():
    assert Differences.of(np.ones((3, 20)), None).p() == 0
    assert Differences.of(np.zeros((3, 20)), None).p() == 1


def test_equal_variances_are_pooled():
    variance = np.array([1.0, 1.1, 0.9, 1.05, 0.95])
    found, df = moderate(variance, np.full(5, 4.0))
    np.testing.assert_allclose(found, 1.0, rtol=1e-6)
    assert df.tolist() == [10] * 5


def test_the_prior_is_limmas():
    """fitFDist of limma 3.54 by hand: moments of the logarithms (Smyth 2004, section 6.2)."""
    variance, df = np.array([0.2, 1.0, 3.0, 0.5, 8.0, 0.05]), 4.0
    logs = np.log(variance) - special.digamma(df / 2) + np.log(df / 2)
    excess = logs.var(ddof=1) - special.polygamma(1, df / 2)
    grid = np.linspace(0.01, 20, 2_000_000)
    d0 = 2 * grid[np.abs(special.polygamma(1, grid) - excess).argmin()]
    s0 = np.exp(logs.mean() + special.digamma(d0 / 2) - np.log(d0 / 2))
    weight = max(d0 - PRIOR_COST, 0)
    squeezed = (weight * s0 + df * variance) / (weight + df)
    expected = np.where(variance > DISTINCT * s0, np.maximum(squeezed, variance), squeezed)
    found, total = moderate(variance, np.full(6, df))
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    np.testing.assert_allclose(total, min(weight + df, 12), rtol=1e-4)


def test_a_wide_variance_is_never_made_smaller_and_no_variance_is_made_up():
    variance = np.array([1.0, 1.0, 1.0, 1.0, 100.0])
    found, df = moderate(variance, np.full(5, 4.0))
    assert found[-1] == 100
    assert (df >= 4).all()
    alone, its_df = moderate(np.array([2.0]), np.array([4.0]))
    assert (alone.tolist(), its_df.tolist()) == ([2.0], [4.0])
    zeros, _ = moderate(np.array([0.0, 0.0, 1e-4]), np.full(3, 4.0))
    assert np.isfinite(zeros).all()


def test_a_moderated_seed_variance_is_no_less_than_the_residual_alone_gives():
    parts = [Differences.of(_differences(3, 100, 0, 0.1, 0.8, seed)[None], None) for seed in range(4)]
    moderated = Differences.joined(parts).moderated()
    assert (moderated.seed_variance >= moderated.residual_variance).all()
    assert moderated.mean.shape == (4,)

import numpy as np
import pytest

from synthpath_kedro.metrics.selective import accepted, aurc, selective_risk


def _brute_force(confidence, wrong):
    return np.mean([wrong[confidence >= threshold].mean() for threshold in confidence])


@pytest.mark.parametrize("decimals", [1, 6])
def test_the_area_is_that_of_every_threshold_in_turn(decimals):
    rng = np.random.default_rng(0)
    confidence, wrong = rng.random(200).round(decimals), rng.random(200) < 0.3
    assert aurc(confidence, wrong) == pytest.approx(_brute_force(confidence, wrong), abs=1e-12)


def test_with_all_errors_last_the_area_has_a_closed_form():
    n, errors = 100, 20
    confidence, wrong = np.linspace(1, 0.5, n), np.arange(n) >= n - errors
    expected = sum(k / (n - errors + k) for k in range(1, errors + 1)) / n
    assert aurc(confidence, wrong) == pytest.approx(expected)
    r = errors / n
    assert expected == pytest.approx(r + (1 - r) * np.log(1 - r), abs=2 / n)


def test_where_confidence_is_constant_the_area_is_the_error_rate_in_any_order():
    wrong = np.array([True] * 3 + [False] * 7)
    assert aurc(np.full(10, 0.9), wrong) == aurc(np.full(10, 0.9), wrong[::-1]) == pytest.approx(0.3)


def test_the_risk_is_that_of_the_most_confident_share():
    confidence = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    wrong = np.array([False, True, False, False, True])
    risks = [selective_risk(confidence, wrong, coverage) for coverage in (0.2, 0.4, 0.8, 1)]
    assert risks == pytest.approx([0, 1 / 2, 1 / 4, 2 / 5])


def test_images_that_tie_with_the_last_one_are_accepted_too():
    confidence = np.array([0.9, 0.7, 0.7, 0.6])
    assert accepted(confidence, 0.5).tolist() == [True, True, True, False]
    assert accepted(confidence, 0.25).tolist() == [True, False, False, False]


def test_so_many_images_are_accepted_as_asked_whatever_rounding_does():
    confidence = np.linspace(0, 1, 1000)
    for hundredths in range(1, 101):
        assert accepted(confidence, hundredths / 100).sum() == 10 * hundredths

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.metrics import brier_score_loss, log_loss
from torchmetrics.functional.classification import multiclass_calibration_error

from synthpath_kedro.metrics.calibration import (
    brier_score,
    calibration_metrics,
    debiased_calibration_error,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability_table,
    scale_temperature,
    squared_calibration_error,
)


def _calibrated(n=4000, classes=5, seed=0, sharpness=2.0):
    """Probabilities, and labels drawn from them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, sharpness, (n, classes))
    probabilities = softmax(logits, axis=1)
    labels = (probabilities.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return probabilities, labels.clip(max=classes - 1)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("bins", [10, 15])
def test_ece_is_torchmetrics(seed, bins):
    probabilities, labels = _calibrated(n=500, seed=seed)
    oracle = multiclass_calibration_error(torch.tensor(probabilities), torch.tensor(labels), 5, n_bins=bins)
    assert expected_calibration_error(probabilities, labels, bins) == pytest.approx(oracle.item(), abs=1e-6)


def test_four_images_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.2, 0.8]])
    labels = np.array([0, 1, 1, 1])
    table = reliability_table(probabilities, labels, bins=2)
    assert table["n"].tolist() == [0, 4]
    assert table["confidence"].tolist() == pytest.approx([np.nan, 0.8], nan_ok=True)
    assert table["accuracy"].tolist() == pytest.approx([np.nan, 0.75], nan_ok=True)
    numbers = calibration_metrics(probabilities, labels, bins=2)
    assert numbers["ece_width"] == pytest.approx(0.05)
    assert numbers["ece_mass"] == pytest.approx((2 * abs(1 - 0.7) + 2 * abs(0.5 - 0.9)) / 4)
    assert numbers["brier"] == pytest.approx((0.02 + 1.62 + 0.32 + 0.08) / 4)
    assert numbers["nll"] == pytest.approx(-np.log(0.9 * 0.1 * 0.6 * 0.8) / 4)


def test_bins_of_equal_mass_hold_equally_many_images():
    probabilities, labels = _calibrated(n=300)
    table = reliability_table(probabilities, labels, bins=15, binning="mass")
    assert table["n"].tolist() == [20] * 15
    assert (table["confidence"].between(table["low"], table["high"])).all()


@pytest.mark.parametrize("binning", ["width", "mass"])
def test_a_classifier_that_is_always_sure_falls_into_one_bin(binning):
    probabilities = np.tile([1.0, 0.0], (10, 1))
    table = reliability_table(probabilities, np.array([0] * 7 + [1] * 3), bins=5, binning=binning)
    assert sorted(table["n"]) == [0, 0, 0, 0, 10]
    assert expected_calibration_error(probabilities, np.array([0] * 7 + [1] * 3), 5, binning) == pytest.approx(0.3)


def _squared_plug_in(probabilities, labels, bins):
    table = reliability_table(probabilities, labels, bins, "mass")
    return ((table["accuracy"] - table["confidence"]) ** 2 * table["n"]).sum() / len(labels)


def _with_confidence(confidence, accuracy, n, rng):
    """Two classes: every image has the same confidence, and so many are right."""
    probabilities = np.tile([confidence, 1 - confidence], (n, 1))
    return probabilities, (rng.random(n) >= accuracy).astype(np.int64)


def test_the_debiased_error_of_calibrated_probabilities_is_zero_on_average_and_the_plug_in_is_not():
    samples = [_calibrated(n=300, seed=seed) for seed in range(400)]
    debiased = np.array([squared_calibration_error(*sample) for sample in samples])
    plug_in = np.array([_squared_plug_in(*sample, 15) for sample in samples])
    error = debiased.std(ddof=1) / np.sqrt(len(samples))
    assert abs(debiased.mean()) < 3 * error < 0.001
    assert plug_in.mean() > 40 * error
    roots = [debiased_calibration_error(*sample) for sample in samples]
    assert np.median(roots) < 0.02 < 0.08 < np.median(np.sqrt(plug_in))
    assert min(roots) == 0


@pytest.mark.parametrize(("confidence", "accuracy"), [(0.9, 0.7), (0.6, 0.65), (0.99, 0.9)])
def test_the_debiased_error_of_a_known_gap_is_that_gap_on_average(confidence, accuracy):
    rng = np.random.default_rng(1)
    found = [squared_calibration_error(*_with_confidence(confidence, accuracy, 50, rng)) for _ in range(4000)]
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert np.mean(found) == pytest.approx((confidence - accuracy) ** 2, abs=3 * error)


def test_with_one_confidence_per_bin_the_debiased_error_is_kumars():
    probabilities = np.repeat([[0.9, 0.1], [0.6, 0.4]], 10, axis=0)
    labels = np.array([0] * 7 + [1] * 3 + [0] * 9 + [1])
    kumar = 10 * ((0.9 - 0.7) ** 2 - 0.7 * 0.3 / 9) + 10 * ((0.6 - 0.9) ** 2 - 0.9 * 0.1 / 9)
    assert squared_calibration_error(probabilities, labels, bins=2) == pytest.approx(kumar / 20)
    assert debiased_calibration_error(probabilities, labels, bins=2) == pytest.approx(np.sqrt(kumar / 20))


def test_bins_of_one_image_have_no_debiased_error():
    probabilities, labels = _calibrated(n=5)
    assert np.isnan(squared_calibration_error(probabilities, labels, bins=5))
    assert np.isnan(debiased_calibration_error(probabilities, labels, bins=5))


def test_nll_is_scikit_learns_log_loss_and_stays_finite_for_a_certain_mistake():
    probabilities, labels = _calibrated()
    assert negative_log_likelihood(probabilities, labels) == pytest.approx(log_loss(labels, probabilities), abs=1e-12)
    assert np.isfinite(negative_log_likelihood(np.array([[1.0, 0.0]]), np.array([1])))


def test_brier_is_scikit_learns_of_two_classes_twice():
    probabilities, labels = _calibrated(classes=2)
    oracle = 2 * brier_score_loss(labels, probabilities[:, 1])
    assert brier_score(probabilities, labels) == pytest.approx(oracle, abs=1e-12)


def test_brier_runs_from_nought_to_two():
    sure = np.array([[1.0, 0.0]])
    assert brier_score(sure, np.array([0])) == 0
    assert brier_score(sure, np.array([1])) == 2


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_temperature_scaling_recovers_the_temperature_and_the_calibration(temperature):
    probabilities, labels = _calibrated(n=20_000)
    distorted = scale_temperature(probabilities, 1 / temperature)
    found = fit_temperature(distorted, labels)
    assert found == pytest.approx(temperature, rel=0.03)
    assert expected_calibration_error(scale_temperature(distorted, found), labels) < 0.015


def test_scaling_changes_no_prediction_and_composes():
    probabilities, _ = _calibrated(n=200)
    scaled = scale_temperature(probabilities, 3.0)
    assert (scaled.argmax(1) == probabilities.argmax(1)).all()
    np.testing.assert_allclose(scaled.sum(1), 1)
    np.testing.assert_allclose(scale_temperature(scaled, 1 / 3), probabilities, atol=1e-12)


def test_the_fitted_temperature_is_a_minimum():
    probabilities, labels = _calibrated(n=300, seed=5)
    best = fit_temperature(probabilities, labels)
    losses = [
        negative_log_likelihood(scale_temperature(probabilities, best * factor), labels) for factor in (0.99, 1, 1.01)
    ]
    assert losses[1] < min(losses[0], losses[2])


def test_a_perfect_classifier_gets_a_bounded_temperature_and_no_images_get_one():
    perfect = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert np.exp(-5.1) < fit_temperature(perfect, np.array([0, 1])) < 0.05
    assert fit_temperature(np.empty((0, 2)), np.empty(0, dtype=np.int64)) == 1
    assert all(np.isnan(list(calibration_metrics(np.empty((0, 2)), np.empty(0, dtype=np.int64)).values())))

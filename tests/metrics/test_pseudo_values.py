import numpy as np
import pytest
from sklearn import metrics

from synthpath_kedro.metrics.pseudo_values import TESTED_METRICS, auc, brier, macro_f1, mcc

STEP = 1e-5


def _auc(labels, probabilities, weights):
    classes = np.unique(labels)
    return np.mean([metrics.roc_auc_score(labels == c, probabilities[:, c], sample_weight=weights) for c in classes])


def _brier(labels, probabilities, weights):
    squares = (probabilities - np.eye(probabilities.shape[1])[labels]) ** 2
    return np.average(squares.sum(axis=1), weights=weights)


ORACLES = {
    "accuracy": lambda y, p, w: metrics.accuracy_score(y, p.argmax(1), sample_weight=w),
    "macro_f1": lambda y, p, w: metrics.f1_score(y, p.argmax(1), average="macro", labels=np.unique(y), sample_weight=w),
    "auc": _auc,
    "balanced_accuracy": lambda y, p, w: metrics.recall_score(
        y, p.argmax(1), average="macro", labels=np.unique(y), sample_weight=w
    ),
    "mcc": lambda y, p, w: metrics.matthews_corrcoef(y, p.argmax(1), sample_weight=w),
    "brier": _brier,
    "nll": lambda y, p, w: metrics.log_loss(y, p, sample_weight=w, labels=range(p.shape[1])),
}


def _predictions(n=60, n_classes=4, absent=None):
    rng = np.random.default_rng(3)
    labels = rng.integers(0, n_classes, n)
    if absent is not None:
        labels[labels == absent] = (absent + 1) % n_classes
    probabilities = rng.dirichlet(np.ones(n_classes), n)
    probabilities[np.arange(n), labels] += 0.3
    probabilities = probabilities.round(2) + 1e-9
    return probabilities / probabilities.sum(axis=1, keepdims=True), labels


def test_every_tested_metric_has_an_oracle():
    assert ORACLES.keys() == TESTED_METRICS.keys()


@pytest.mark.parametrize("absent", [None, 2])
@pytest.mark.parametrize("name", ORACLES)
def test_pseudo_values_are_the_metric_and_its_derivative_by_each_images_weight(name, absent):
    probabilities, labels = _predictions(absent=absent)
    found = TESTED_METRICS[name].pseudo_values(probabilities, labels)
    ones = np.ones(len(labels))
    value = ORACLES[name](labels, probabilities, ones)
    steps = STEP * np.eye(len(labels))
    slopes = [
        (ORACLES[name](labels, probabilities, ones + step) - ORACLES[name](labels, probabilities, ones - step))
        / (2 * STEP)
        for step in steps
    ]
    assert found.mean() == pytest.approx(value)
    np.testing.assert_allclose(found, value + len(labels) * np.array(slopes), atol=1e-7)


def test_their_variance_is_that_of_the_metric_over_samples_of_images():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 40_000)
    probabilities = rng.dirichlet(np.ones(3), len(labels))
    probabilities[np.arange(len(labels)), labels] += 0.2
    samples = labels.reshape(200, 200), probabilities.reshape(200, 200, 3)
    for metric in (macro_f1, auc, brier, mcc):
        values = [metric(p, y) for y, p in zip(*samples, strict=True)]
        true = np.var([value.mean() for value in values], ddof=1)
        assert np.mean([value.var(ddof=1) / 200 for value in values]) == pytest.approx(true, rel=0.3)


def test_auc_of_a_single_class_is_undefined_and_mcc_of_constant_predictions_is_zero():
    constant = np.tile([0.7, 0.3], (5, 1))
    assert np.isnan(auc(constant, np.zeros(5, dtype=int))).all()
    assert mcc(constant, np.array([0, 1, 0, 1, 0])).tolist() == [0] * 5

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from synthpath_kedro.metrics import bootstrap
from synthpath_kedro.metrics.bootstrap import metric_intervals
from synthpath_kedro.metrics.classification import METRICS, classification_metrics


def _cell(n=400, replicates=3, classes=4, seed=0, skill=0.5, decimals=None):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    probabilities = rng.dirichlet(np.ones(classes), (replicates, n)) + skill * np.eye(classes)[labels]
    probabilities /= probabilities.sum(axis=2, keepdims=True)
    return (probabilities if decimals is None else probabilities.round(decimals)), labels


@pytest.mark.parametrize("decimals", [None, 1])
def test_a_resample_has_the_metrics_of_the_images_it_repeats(decimals):
    probabilities, labels = _cell(replicates=2, decimals=decimals)
    weights = bootstrap.resampled_weights(len(labels), None, 100, seed=4)
    drawn = bootstrap._resampled(probabilities, labels, weights)
    for b in (0, 70, 99):
        images = np.repeat(np.arange(len(labels)), weights[b])
        expected = [classification_metrics(p[images], labels[images]) for p in probabilities]
        np.testing.assert_allclose(drawn[b], [np.mean([m[name] for m in expected]) for name in METRICS], atol=1e-9)


def test_weighted_auc_is_scikit_learns():
    rng = np.random.default_rng(0)
    scores, positive = rng.random(50).round(1), rng.random(50) < 0.4
    weights = rng.integers(0, 5, (1, 50)).astype(np.float32)
    ours = bootstrap._one_vs_rest_auc(scores, positive, weights)[0]
    assert ours == pytest.approx(roc_auc_score(positive, scores, sample_weight=weights[0]), abs=1e-12)


def test_the_interval_of_accuracy_is_the_binomial_one():
    probabilities, labels = _cell(n=2000, replicates=1)
    table = metric_intervals(probabilities, labels, resamples=2000).set_index("metric")
    accuracy = table.loc["accuracy", "mean"]
    half = 1.96 * np.sqrt(accuracy * (1 - accuracy) / 2000)
    assert table.loc["accuracy", ["ci_low", "ci_high"]].tolist() == pytest.approx(
        [accuracy - half, accuracy + half], abs=0.002
    )
    assert np.isnan(table.loc["accuracy", "std"])


def test_std_is_the_standard_deviation_between_replicates():
    probabilities, labels = _cell()
    table = metric_intervals(probabilities, labels, resamples=50).set_index("metric")
    accuracies = (probabilities.argmax(2) == labels).mean(1)
    assert table.loc["accuracy", "std"] == pytest.approx(accuracies.std(ddof=1))
    assert table.index.tolist() == list(METRICS)
    assert (table["ci_low"] <= table["ci_high"]).all()


def test_copies_of_images_in_one_group_do_not_narrow_the_interval():
    probabilities, labels = _cell(n=200)
    plain = metric_intervals(probabilities, labels, resamples=500)
    copies = np.tile(probabilities, (1, 10, 1)), np.tile(labels, 10)
    clustered = metric_intervals(*copies, groups=np.tile(np.arange(200), 10), resamples=500)
    naive = metric_intervals(*copies, resamples=500)
    np.testing.assert_allclose(
        clustered["ci_high"] - clustered["ci_low"], plain["ci_high"] - plain["ci_low"], rtol=1e-6
    )
    assert ((naive["ci_high"] - naive["ci_low"]) < 0.5 * (plain["ci_high"] - plain["ci_low"])).all()


def test_the_same_seed_gives_the_same_interval():
    probabilities, labels = _cell()
    first, again = (metric_intervals(probabilities, labels, resamples=50, seed=1) for _ in range(2))
    assert first.equals(again)


def test_one_class_alone_has_no_auc_interval():
    probabilities, labels = _cell(n=40)
    table = metric_intervals(probabilities, np.zeros_like(labels), resamples=20).set_index("metric")
    assert np.isnan(table.loc["auc", ["mean", "ci_low", "ci_high"]].astype(float)).all()
    assert np.isfinite(table.loc["accuracy", "ci_low"])

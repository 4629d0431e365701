import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from synthpath_kedro.metrics.classification import (
    METRICS,
    classification_metrics,
    confusion,
    metrics_of_confusion,
    per_class_metrics,
)


def _predictions(seed, n=300, classes=9, decimals=None):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, n - classes)])
    probabilities = rng.dirichlet(np.ones(classes), n) + 0.3 * np.eye(classes)[labels]
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    if decimals is not None:
        probabilities = probabilities.round(decimals)
    return probabilities, labels


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12))
def test_every_metric_agrees_with_scikit_learn(seed, classes):
    probabilities, labels = _predictions(seed, classes=classes)
    predicted = probabilities.argmax(1)
    if classes == 2:
        auc = sk.roc_auc_score(labels, probabilities[:, 1])
    else:
        auc = sk.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
    expected = {
        "accuracy": sk.accuracy_score(labels, predicted),
        "macro_f1": sk.f1_score(labels, predicted, average="macro"),
        "auc": auc,
        "balanced_accuracy": sk.balanced_accuracy_score(labels, predicted),
        "mcc": sk.matthews_corrcoef(labels, predicted),
    }
    assert classification_metrics(probabilities, labels) == pytest.approx(expected, abs=1e-9)


def test_auc_counts_ties_half_as_scikit_learn_does():
    probabilities, labels = _predictions(3, decimals=1)
    one_vs_rest = [sk.roc_auc_score(labels == c, probabilities[:, c]) for c in range(9)]
    assert classification_metrics(probabilities, labels)["auc"] == pytest.approx(np.mean(one_vs_rest), abs=1e-9)


def test_a_missing_class_leaves_the_macro_averages_to_the_classes_that_are_present():
    probabilities, labels = _predictions(5)
    kept = labels != 4
    probabilities, labels = probabilities[kept], labels[kept]
    predicted, present = probabilities.argmax(1), np.unique(labels)
    ours = classification_metrics(probabilities, labels)
    assert ours["macro_f1"] == pytest.approx(
        sk.f1_score(labels, predicted, labels=present, average="macro", zero_division=0), abs=1e-9
    )
    recall = sk.recall_score(labels, predicted, labels=present, average="macro", zero_division=0)
    assert ours["balanced_accuracy"] == pytest.approx(recall, abs=1e-9)
    one_vs_rest = [sk.roc_auc_score(labels == c, probabilities[:, c]) for c in present]
    assert ours["auc"] == pytest.approx(np.mean(one_vs_rest), abs=1e-9)
    assert ours["mcc"] == pytest.approx(sk.matthews_corrcoef(labels, predicted), abs=1e-9)


def test_a_split_of_one_class_has_no_auc_and_keeps_the_rest():
    probabilities, _ = _predictions(1)
    ours = classification_metrics(probabilities, np.full(300, 2))
    assert math.isnan(ours["auc"])
    assert ours["mcc"] == 0
    assert ours["balanced_accuracy"] == ours["accuracy"] == pytest.approx((probabilities.argmax(1) == 2).mean())


def test_without_images_nothing_is_defined():
    ours = classification_metrics(np.empty((0, 9)), np.empty(0, dtype=np.int64))
    assert set(ours) == set(METRICS)
    assert all(math.isnan(value) for value in ours.values())


def test_three_images_by_hand():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1]])
    table = per_class_metrics(probabilities, np.array([0, 1, 1]), ["adipose", "debris", "mucus"])
    assert table["n"].tolist() == [1, 2, 0]
    assert table["precision"].tolist() == pytest.approx([0.5, 1.0, math.nan], nan_ok=True)
    assert table["recall"].tolist() == pytest.approx([1.0, 0.5, math.nan], nan_ok=True)
    assert table["f1"].tolist() == pytest.approx([2 / 3, 2 / 3, math.nan], nan_ok=True)
    assert confusion(probabilities, np.array([0, 1, 1])).tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]


def test_per_class_metrics_and_confusion_agree_with_scikit_learn():
    probabilities, labels = _predictions(8)
    predicted = probabilities.argmax(1)
    precision, recall, f1, support = sk.precision_recall_fscore_support(labels, predicted)
    table = per_class_metrics(probabilities, labels, [f"class {c}" for c in range(9)])
    np.testing.assert_allclose(table[["precision", "recall", "f1"]], np.stack([precision, recall, f1], 1), atol=1e-9)
    assert table["n"].tolist() == support.tolist()
    assert (confusion(probabilities, labels) == sk.confusion_matrix(labels, predicted)).all()


def test_a_stack_of_confusion_matrices_gives_the_metrics_of_each():
    matrices = np.stack([confusion(*_predictions(seed)) for seed in range(3)])
    stacked = metrics_of_confusion(matrices)
    for k, matrix in enumerate(matrices):
        assert {name: value[k] for name, value in stacked.items()} == metrics_of_confusion(matrix)


@pytest.mark.parametrize(
    ("probabilities", "labels", "culprit"),
    [
        (np.ones((2, 3)) / 3, np.array([0, 3]), "labels"),
        (np.ones((2, 3)) / 3, np.array([0]), "images|must be"),
        (np.full((2, 3), np.nan), np.array([0, 1]), "finite"),
    ],
)
def test_what_cannot_be_scored_is_refused(probabilities, labels, culprit):
    with pytest.raises((ValueError, TypeError), match=culprit):
        classification_metrics(probabilities, labels)

"""What each test image adds to a metric, so that one analysis serves every metric.

The pseudo-value of image i is T + n dT/dw_i, with w_i the image's weight (the infinitesimal jackknife; Efron 1982,
chapter 6). Its mean over images is T itself, and its variance over images, divided by n, that of T. For accuracy it is
whether the image was classified right.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import rankdata

from synthpath_kedro.metrics.calibration import log_losses, squared_errors
from synthpath_kedro.study.table import Table

Probabilities = Float[np.ndarray, "images classes"]
Labels = Int[np.ndarray, " images"]
PseudoValues = Float[np.ndarray, " images"]


def correctness(probabilities: Float[np.ndarray, "*replicates images classes"], labels: Labels) -> np.ndarray:
    """1 where the likeliest class is the image's own, else 0."""
    return (probabilities.argmax(axis=-1) == labels).astype(np.float64)


def accuracy(probabilities: Probabilities, labels: Labels) -> PseudoValues:
    """Whether the image was classified right."""
    return correctness(probabilities, labels)


def macro_f1(probabilities: Probabilities, labels: Labels) -> PseudoValues:
    """Of the mean F1 over the classes in ``labels``."""
    predicted, n_classes = probabilities.argmax(axis=1), probabilities.shape[1]
    hit = predicted == labels
    counts = np.bincount(labels, minlength=n_classes)
    both = counts + np.bincount(predicted, minlength=n_classes)
    f1 = _ratio(2 * np.bincount(labels[hit], minlength=n_classes), both)
    share = np.where(counts > 0, _ratio(np.ones(n_classes), both), 0) / (counts > 0).sum()
    slope = 2 * share[labels] * hit - (f1 * share)[labels] - (f1 * share)[predicted]
    return f1[counts > 0].mean() + len(labels) * slope


def auc(probabilities: Probabilities, labels: Labels) -> PseudoValues:
    """Of the mean one-vs-rest AUC over the classes in ``labels`` (DeLong's placements); nan for a single class."""
    classes = [c for c in np.unique(labels) if (labels != c).any()]
    if not classes:
        return np.full(len(labels), np.nan)
    return np.mean([_one_vs_rest_auc(probabilities[:, c], labels == c) for c in classes], axis=0)


def balanced_accuracy(probabilities: Probabilities, labels: Labels) -> PseudoValues:
    """Of the mean recall over the classes in ``labels``."""
    hit = correctness(probabilities, labels)
    counts = np.bincount(labels)
    recall = _ratio(np.bincount(labels, weights=hit), counts)
    n_present = (counts > 0).sum()
    return recall.sum() / n_present + len(labels) / n_present * (hit - recall[labels]) / counts[labels]


def mcc(probabilities: Probabilities, labels: Labels) -> PseudoValues:
    """Of Matthews' correlation (Gorodkin 2004, eq. 8); 0 where labels or predictions are constant."""
    predicted, n, n_classes = probabilities.argmax(axis=1), len(labels), probabilities.shape[1]
    hit = predicted == labels
    true, guessed = (np.bincount(values, minlength=n_classes).astype(float) for values in (labels, predicted))
    of_true, of_guessed = n**2 - true @ true, n**2 - guessed @ guessed
    if not of_true or not of_guessed:
        return np.zeros(n)
    root = np.sqrt(of_true * of_guessed)
    covariance = hit.sum() * n - true @ guessed
    slope = (hit.sum() + n * hit - guessed[labels] - true[predicted]) / root
    slope -= covariance / root * ((n - true[labels]) / of_true + (n - guessed[predicted]) / of_guessed)
    return covariance / root + n * slope


def brier(probabilities: Probabilities, labels: Labels) -> PseudoValues:
    """Squared distance of the probabilities from the truth, 0 to 2."""
    return squared_errors(probabilities, labels)


def nll(probabilities: Probabilities, labels: Labels) -> PseudoValues:
    """Of the negative log-likelihood, in nats."""
    return log_losses(probabilities, labels)


@dataclass(frozen=True)
class TestedMetric:
    """A metric that gets verdicts.

    Attributes:
        name: in tables.
        label: in print.
        pseudo_values: of each image, from probabilities and labels.
        is_error: less is better.
    """

    name: str
    label: str
    pseudo_values: Callable[[Probabilities, Labels], PseudoValues]
    is_error: bool = False


TESTED_METRICS = Table(
    "metric",
    TestedMetric("accuracy", "accuracy", accuracy),
    TestedMetric("macro_f1", "macro F1", macro_f1),
    TestedMetric("auc", "AUC", auc),
    TestedMetric("balanced_accuracy", "balanced accuracy", balanced_accuracy),
    TestedMetric("mcc", "MCC", mcc),
    TestedMetric("brier", "Brier score", brier, is_error=True),
    TestedMetric("nll", "NLL", nll, is_error=True),
)


def _one_vs_rest_auc(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    ranks, n = rankdata(scores), len(scores)
    placement = np.empty(n)
    for members in (positive, ~positive):
        others = n - members.sum()
        below = (ranks[members] - rankdata(scores[members])) / others
        placement[members] = below if members is positive else 1 - below
    value = placement[positive].mean()
    counts = np.where(positive, positive.sum(), n - positive.sum())
    return value + n * (placement - value) / counts


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.zeros(len(denominator)), where=denominator > 0)

"""How good a classifier is on one set of images: the numbers of tables 4.1 and 4.2, and what lies under them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.stats import rankdata

METRICS = ("accuracy", "macro_f1", "auc", "balanced_accuracy", "mcc")

Numbers = np.ndarray | np.number


def classification_metrics(
    probabilities: Float[np.ndarray, "images classes"], labels: Int[np.ndarray, " images"]
) -> dict[str, float]:
    """Accuracy, macro F1, one-vs-rest AUC, balanced accuracy and Matthews' correlation, as scikit-learn defines them.

    Macro averages run over the classes that occur in ``labels``, so that a split without a class keeps its numbers;
    a prediction of an absent class still counts as an error. AUC is nan where ``labels`` hold fewer than two classes,
    MCC is 0 where labels or predictions are constant, and everything is nan without images.

    Args:
        probabilities: one row per image, summing to 1.
        labels: classes 0 ... C - 1.

    Returns:
        One number for each of ``METRICS``.

    Raises:
        ValueError: shapes do not fit, a label is out of range, or a probability is not finite.
    """
    matrix = confusion(probabilities, labels)
    return {**_scalars(metrics_of_confusion(matrix)), "auc": one_vs_rest_auc(probabilities, labels)}


def per_class_metrics(
    probabilities: Float[np.ndarray, "images classes"], labels: Int[np.ndarray, " images"], class_names: Sequence[str]
) -> pd.DataFrame:
    """Precision, recall and F1 of every class; nan where a figure is undefined (no image, or never predicted).

    Returns:
        Columns ``class, n, precision, recall, f1``, one row per class; ``n`` counts its images.

    Raises:
        ValueError: as ``classification_metrics``, or ``class_names`` does not name every class.
    """
    matrix = confusion(probabilities, labels)
    hits, n, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    if len(class_names) != len(matrix):
        raise ValueError(f"class_names has {len(class_names)} names for {len(matrix)} classes")
    return pd.DataFrame(
        {
            "class": list(class_names),
            "n": n,
            "precision": _ratio(hits, predicted),
            "recall": _ratio(hits, n),
            "f1": _ratio(2 * hits, n + predicted),
        }
    )


def confusion(
    probabilities: Float[np.ndarray, "images classes"], labels: Int[np.ndarray, " images"]
) -> Int[np.ndarray, "classes classes"]:
    """Confusion matrix: rows are true classes, columns the predicted ones (the first of equal probabilities).

    Raises:
        ValueError: as ``classification_metrics``.
    """
    _check(probabilities, labels)
    n_classes = probabilities.shape[1]
    pairs = labels * n_classes + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)


def one_vs_rest_auc(probabilities: Float[np.ndarray, "images classes"], labels: Int[np.ndarray, " images"]) -> float:
    """Mean over the classes in ``labels`` of the area under class c's one-vs-rest ROC curve; ties count half."""
    _check(probabilities, labels)
    present = np.unique(labels)
    if len(present) < 2:
        return float("nan")
    positive = labels[:, None] == present
    n_positive = positive.sum(axis=0)
    ranks = rankdata(probabilities[:, present], axis=0)
    wins = (ranks * positive).sum(axis=0) - n_positive * (n_positive + 1) / 2
    return float((wins / (n_positive * (len(labels) - n_positive))).mean())


def metrics_of_confusion(matrix: np.ndarray) -> dict[str, np.ndarray]:
    """The metrics that need no more than the confusion matrix: all of ``METRICS`` but the AUC.

    Args:
        matrix: [..., C, C] counts or weights, true classes in rows; leading axes (bootstrap resamples) are kept.

    Returns:
        Arrays of the leading axes' shape.
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    hits, n, predicted = np.diagonal(matrix, axis1=-2, axis2=-1), matrix.sum(axis=-1), matrix.sum(axis=-2)
    total = n.sum(axis=-1)
    present = n > 0
    return {
        "accuracy": _ratio(hits.sum(axis=-1), total),
        "macro_f1": _mean_over(present, _ratio(2 * hits, n + predicted)),
        "balanced_accuracy": _mean_over(present, _ratio(hits, n)),
        "mcc": _matthews(hits.sum(axis=-1), n, predicted, total),
    }


def _matthews(hits: Numbers, n: np.ndarray, predicted: np.ndarray, total: Numbers) -> np.ndarray:
    """The R_K statistic (Gorodkin 2004, eq. 8)."""
    covariance = hits * total - (n * predicted).sum(axis=-1)
    spread = (total**2 - (n**2).sum(axis=-1)) * (total**2 - (predicted**2).sum(axis=-1))
    defined = np.where(spread > 0, covariance / np.sqrt(np.where(spread > 0, spread, 1)), 0)
    return np.where(total > 0, defined, np.nan)


def _mean_over(present: np.ndarray, values: np.ndarray) -> np.ndarray:
    return _ratio(np.where(present, values, 0).sum(axis=-1), present.sum(axis=-1))


def _ratio(numerator: Numbers, denominator: Numbers) -> np.ndarray:
    defined = np.asarray(denominator) > 0
    return np.where(defined, numerator / np.where(defined, denominator, 1), np.nan)


def _scalars(values: dict[str, np.ndarray]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}


def _check(probabilities: np.ndarray, labels: np.ndarray) -> None:
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise ValueError(f"probabilities {probabilities.shape} and labels {labels.shape} must be [N, C] and [N]")
    if len(labels) and not 0 <= labels.min() <= labels.max() < probabilities.shape[1]:
        raise ValueError(f"labels must lie below {probabilities.shape[1]}, got {labels.min()} to {labels.max()}")
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities must be finite")

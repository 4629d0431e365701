"""Whether a classifier's confidence can be taken at its word, before and after temperature scaling."""

from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

Binning = Literal["width", "mass"]

CALIBRATION_METRICS = ("ece_width", "ece_mass", "ece_debiased", "brier", "nll")

_SMALLEST = float(np.finfo(np.float32).tiny)
_LOG_TEMPERATURES = (-5.0, 5.0)


def calibration_metrics(
    probabilities: Float[np.ndarray, "images classes"], labels: Int[np.ndarray, " images"], bins: int = 15
) -> dict[str, float]:
    """Expected calibration error (bins of equal width, of equal mass, debiased), Brier score and log-likelihood.

    Returns:
        ``CALIBRATION_METRICS``; nan without images.
    """
    if not len(labels):
        return dict.fromkeys(CALIBRATION_METRICS, float("nan"))
    return {
        "ece_width": expected_calibration_error(probabilities, labels, bins, "width"),
        "ece_mass": expected_calibration_error(probabilities, labels, bins, "mass"),
        "ece_debiased": debiased_calibration_error(probabilities, labels, bins),
        "brier": brier_score(probabilities, labels),
        "nll": negative_log_likelihood(probabilities, labels),
    }


def expected_calibration_error(
    probabilities: Float[np.ndarray, "images classes"],
    labels: Int[np.ndarray, " images"],
    bins: int = 15,
    binning: Binning = "width",
) -> float:
    """Mean gap between confidence and accuracy over the bins of the likeliest class (Guo et al. 2017, eq. 3)."""
    table = reliability_table(probabilities, labels, bins, binning)
    filled = table[table["n"] > 0]
    return float((filled["n"] * (filled["accuracy"] - filled["confidence"]).abs()).sum() / len(labels))


def debiased_calibration_error(
    probabilities: Float[np.ndarray, "images classes"], labels: Int[np.ndarray, " images"], bins: int = 15
) -> float:
    """Root mean square gap between confidence and accuracy, without what chance alone adds; 0 where it is all chance.

    The plug-in errors above are never 0: in bins of few images accuracy differs from confidence by chance.
    """
    return float(np.sqrt(max(squared_calibration_error(probabilities, labels, bins), 0.0)))


def squared_calibration_error(
    probabilities: Float[np.ndarray, "images classes"], labels: Int[np.ndarray, " images"], bins: int = 15
) -> float:
    """Mean squared gap over bins of equal mass, unbiased, so that it may be negative (Kumar et al. 2019, section 5).

    From each bin's squared gap goes the variance of the gap: that of hit - confidence between the bin's images over
    their number (Kumar's, where a bin has one confidence). Bins of one image, which have none, are left out; nan where
    all are.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    gaps = (probabilities.argmax(axis=1) == labels) - confidence
    _, inner = _binned(confidence, bins, "mass")
    n, total, squares = (np.bincount(inner, weights, minlength=bins) for weights in (None, gaps, gaps**2))
    n, total, squares = (values[n > 1] for values in (n, total, squares))
    mean = total / n
    variance = (squares / n - mean**2) / (n - 1)
    return float((n * (mean**2 - variance)).sum() / n.sum()) if len(n) else float("nan")


def reliability_table(
    probabilities: Float[np.ndarray, "images classes"],
    labels: Int[np.ndarray, " images"],
    bins: int = 15,
    binning: Binning = "width",
) -> pd.DataFrame:
    """The reliability diagram as a table.

    Args:
        probabilities: one row per image, summing to 1.
        labels: classes 0 ... C - 1.
        bins: of the likeliest class's probability.
        binning: "width" cuts [0, 1] into equal parts, closed on the right; "mass" puts equally many images into each
            bin (as nearly as can be), and images of equal confidence into the same one.

    Returns:
        Columns ``low, high, n, confidence, accuracy``, one row per bin; means are nan where a bin is empty.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    edges, inner = _binned(confidence, bins, binning)
    n, summed, hits = (np.bincount(inner, weights, minlength=bins) for weights in (None, confidence, right))
    with np.errstate(invalid="ignore"):
        means = {"confidence": summed / n, "accuracy": hits / n}
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "n": n.astype(np.int64), **means})


def brier_score(probabilities: Float[np.ndarray, "images classes"], labels: Int[np.ndarray, " images"]) -> float:
    """Mean squared distance to the one-hot label, summed over classes: 0 to 2 (Brier 1950)."""
    return float(squared_errors(probabilities, labels).mean())


def negative_log_likelihood(
    probabilities: Float[np.ndarray, "images classes"], labels: Int[np.ndarray, " images"]
) -> float:
    """Mean of -log p(label) in nats; probabilities below float32's smallest count as that."""
    return float(log_losses(probabilities, labels).mean())


def squared_errors(
    probabilities: Float[np.ndarray, "images classes"], labels: Int[np.ndarray, " images"]
) -> Float[np.ndarray, " images"]:
    """Of each image the squared distance to its one-hot label, 0 to 2: their mean is the Brier score."""
    return np.square(probabilities - np.eye(probabilities.shape[1])[labels]).sum(axis=1, dtype=np.float64)


def log_losses(
    probabilities: Float[np.ndarray, "images classes"], labels: Int[np.ndarray, " images"]
) -> Float[np.ndarray, " images"]:
    """Of each image -log p(label) in nats, at most 87.3: their mean is the negative log-likelihood."""
    return -_log(probabilities)[np.arange(len(labels)), labels]


def fit_temperature(probabilities: Float[np.ndarray, "images classes"], labels: Int[np.ndarray, " images"]) -> float:
    """The temperature that minimizes the negative log-likelihood (Guo et al. 2017, section 4.2).

    Args:
        probabilities: of validation images, never of the test set.
        labels: their classes.

    Returns:
        Above 1 where the classifier is too sure of itself; within e^-5 ... e^5; 1 without images.
    """
    if not len(labels):
        return 1.0
    logits, images = _log(probabilities), np.arange(len(labels))

    def likelihood_loss(log_temperature: float) -> float:
        return float(-log_softmax(logits / np.exp(log_temperature), axis=1)[images, labels].mean())

    found = minimize_scalar(likelihood_loss, bounds=_LOG_TEMPERATURES, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def scale_temperature(
    probabilities: Float[np.ndarray, "*leading classes"], temperature: float
) -> Float[np.ndarray, "*leading classes"]:
    """softmax(logits / temperature), from the probabilities: the logits' unknown constant cancels."""
    return np.exp(log_softmax(_log(probabilities) / temperature, axis=-1))


def _binned(confidence: np.ndarray, bins: int, binning: Binning) -> tuple[np.ndarray, np.ndarray]:
    """The bins' edges, and the bin of each image."""
    edges = np.linspace(0, 1, bins + 1) if binning == "width" else _mass_edges(confidence, bins)
    return edges, np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)


def _mass_edges(confidence: np.ndarray, bins: int) -> np.ndarray:
    inner = np.quantile(confidence, np.arange(1, bins) / bins, method="inverted_cdf")
    return np.concatenate([[0.0], inner, [1.0]])


def _log(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probabilities.astype(np.float64), _SMALLEST))

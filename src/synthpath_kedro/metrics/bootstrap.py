"""Percentile intervals over test images (Efron and Tibshirani 1993, chapter 13), clustered by group where known.

They hold for the trained networks at hand: the variance between training seeds is no part of them.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from synthpath_kedro.metrics.classification import METRICS, classification_metrics, metrics_of_confusion

_BLOCK = 64


def metric_intervals(
    probabilities: Float[np.ndarray, "replicates images classes"],
    labels: Int[np.ndarray, " images"],
    groups: Int[np.ndarray, " images"] | None = None,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Every metric's mean over replicates, standard deviation between them, and interval over images.

    Args:
        probabilities: of one cell.
        labels: classes 0 ... C - 1.
        groups: whole groups are resampled instead of images.
        resamples: bootstrap draws.
        level: of the interval.
        seed: of the draws.

    Returns:
        Columns ``metric, mean, std, ci_low, ci_high``, one row per metric; ``std`` is between replicates, nan for one.
    """
    single = pd.DataFrame([classification_metrics(replicate, labels) for replicate in probabilities])[list(METRICS)]
    drawn = _resampled(probabilities, labels, resampled_weights(len(labels), groups, resamples, seed))
    low, high = _percentiles(drawn, level)
    return pd.DataFrame(
        {
            "metric": METRICS,
            "mean": single.mean().to_numpy(),
            "std": single.std(ddof=1).to_numpy(),
            "ci_low": low,
            "ci_high": high,
        }
    )


def resampled_weights(n: int, groups: np.ndarray | None, resamples: int, seed: int) -> np.ndarray:
    """How often each image is drawn, whole groups at a time where they are known: uint16 [resamples, n]."""
    codes = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    n_groups = int(codes.max()) + 1
    rng = np.random.default_rng(seed)
    draws = [np.bincount(rng.integers(0, n_groups, n_groups), minlength=n_groups) for _ in range(resamples)]
    return np.stack(draws).astype(np.uint16)[:, codes]


def _resampled(probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Metrics [resamples, metrics], averaged over replicates."""
    return np.mean([np.concatenate(list(_by_block(p, labels, weights))) for p in probabilities], axis=0)


def _by_block(probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> Iterator[np.ndarray]:
    n_classes = probabilities.shape[1]
    pairs = labels * n_classes + probabilities.argmax(axis=1)
    cells = np.eye(n_classes**2, dtype=np.float32)[pairs]
    for start in range(0, len(weights), _BLOCK):
        drawn = weights[start : start + _BLOCK].astype(np.float32)
        metrics = metrics_of_confusion((drawn @ cells).reshape(-1, n_classes, n_classes))
        metrics["auc"] = _weighted_auc(probabilities, labels, drawn)
        yield np.stack([metrics[name] for name in METRICS], axis=1)


def _weighted_auc(probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """One-vs-rest AUC [resamples], macro over the classes that a resample holds; ties count half."""
    total, classes = np.zeros(len(weights)), np.zeros(len(weights))
    for c in np.unique(labels):
        auc = _one_vs_rest_auc(probabilities[:, c], labels == c, weights)
        total += np.nan_to_num(auc)
        classes += ~np.isnan(auc)
    return np.where(classes > 0, total / np.maximum(classes, 1), np.nan)


def _one_vs_rest_auc(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted share of (positive, negative) pairs in the right order; nan where a resample lacks either."""
    negatives = np.flatnonzero(~positive)
    negatives = negatives[np.argsort(scores[negatives], kind="stable")]
    below = np.zeros((len(weights), len(negatives) + 1), dtype=np.float32)
    np.cumsum(weights[:, negatives], axis=1, out=below[:, 1:])
    left, right = (np.searchsorted(scores[negatives], scores[positive], side) for side in ("left", "right"))
    drawn = weights[:, positive]
    wins = (drawn * (below[:, left] + below[:, right])).sum(axis=1, dtype=np.float64) / 2
    pairs = drawn.sum(axis=1, dtype=np.float64) * below[:, -1]
    return np.where(pairs > 0, wins / np.maximum(pairs, 1), np.nan)


def _percentiles(drawn: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Bounds [metrics] of the central ``level`` of the draws; nan where no draw defines the metric."""
    bounds = np.full((2, drawn.shape[1]), np.nan)
    for k, column in enumerate(drawn.T):
        defined = column[~np.isnan(column)]
        if len(defined):
            bounds[:, k] = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return bounds[0], bounds[1]

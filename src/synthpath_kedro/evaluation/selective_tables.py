"""What each cell's replicates gain as an ensemble, and which errors remain among its most confident images."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.ensemble import ENSEMBLE, ensemble
from synthpath_kedro.evaluation.rows import as_table, identify
from synthpath_kedro.metrics.calibration import brier_score, negative_log_likelihood
from synthpath_kedro.metrics.proportion import proportion_interval
from synthpath_kedro.metrics.selective import accepted, aurc, selective_risk

CURVE = np.arange(10, 101) / 100
"""Coverages of the risk-coverage curve; below it so few images are accepted that one error is most of the risk."""


def risk_column(coverage: float) -> str:
    """Name of the column of the selective risk at ``coverage``: "risk_at_0.9"."""
    return f"risk_at_{coverage:g}"


def selective_table(predictions: Iterable[Artifact], coverages: Sequence[float]) -> pd.DataFrame:
    """How each replicate and the ensemble of all classify the real test set, one row each, cell by cell.

    Args:
        predictions: a cell's ``real_test`` float32 [replicates, N, classes] and ``real_test_labels`` int64 [N]; where
            ``real_test_groups`` are known, intervals are over these.
        coverages: shares of the test images that are accepted, the most confident first.

    Returns:
        Columns ``accuracy, brier, nll, aurc``, and for each coverage ``risk_at_<coverage>`` with its 95 % interval in
        ``..._low`` and ``..._high``, which is for the trained networks at hand.
    """
    rows = []
    for cell in predictions:
        labels, groups = cell.tensors["real_test_labels"], cell.tensors.get("real_test_groups")
        classifiers: dict[int | str, np.ndarray] = dict(enumerate(cell.tensors["real_test"]))
        classifiers[ENSEMBLE] = ensemble(cell, "real_test")
        for name, probabilities in classifiers.items():
            scores = _scores(probabilities, labels) | _risks(probabilities, labels, groups, coverages)
            rows.append(identify(cell, len(labels), name) | scores)
    risks = [f"{risk_column(coverage)}{end}" for coverage in coverages for end in ("", "_low", "_high")]
    return as_table(rows, ("accuracy", "brier", "nll", "aurc", *risks))


def risk_coverage_table(predictions: Iterable[Artifact]) -> pd.DataFrame:
    """The ensembles' risk-coverage curves, one row per cell and coverage; columns ``coverage, risk``.

    Args:
        predictions: as for ``selective_table``.
    """
    rows = []
    for cell in predictions:
        labels = cell.tensors["real_test_labels"]
        confidence, wrong = _confidence_and_errors(ensemble(cell, "real_test"), labels)
        known = identify(cell, len(labels), ENSEMBLE)
        risks = [(coverage, selective_risk(confidence, wrong, coverage)) for coverage in CURVE.tolist()]
        rows += [known | {"coverage": coverage, "risk": risk} for coverage, risk in risks]
    return as_table(rows, ("coverage", "risk"))


def _scores(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    confidence, wrong = _confidence_and_errors(probabilities, labels)
    return {
        "accuracy": float(1 - wrong.mean()),
        "brier": brier_score(probabilities, labels),
        "nll": negative_log_likelihood(probabilities, labels),
        "aurc": aurc(confidence, wrong),
    }


def _risks(
    probabilities: np.ndarray, labels: np.ndarray, groups: np.ndarray | None, coverages: Sequence[float]
) -> dict[str, Any]:
    confidence, wrong = _confidence_and_errors(probabilities, labels)
    risks: dict[str, Any] = {}
    for coverage in coverages:
        kept, column = accepted(confidence, coverage), risk_column(coverage)
        low, high = proportion_interval(wrong[kept], None if groups is None else groups[kept])
        risks |= {column: float(wrong[kept].mean()), f"{column}_low": low, f"{column}_high": high}
    return risks


def _confidence_and_errors(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return probabilities.max(axis=1), probabilities.argmax(axis=1) != labels

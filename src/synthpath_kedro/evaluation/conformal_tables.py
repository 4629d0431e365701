"""Whether each cell's conformal sets hold what they promise in the test center."""

from collections.abc import Iterable
from math import inf, nan
from typing import Any

import numpy as np
import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.cell_metadata import CellMetadata
from synthpath_kedro.evaluation.ensemble import ENSEMBLE, ensemble
from synthpath_kedro.evaluation.rows import as_table, identify
from synthpath_kedro.metrics.conformal import exchangeable_range, lac_threshold, prediction_sets
from synthpath_kedro.metrics.proportion import effective_size, proportion_interval

COLUMNS = (
    *("class", "n_calibration", "promised", "expected_low", "expected_high"),
    *("coverage", "ci_low", "ci_high", "mean_size", "single", "empty"),
)


def conformal_table(predictions: Iterable[Artifact], promised: float) -> pd.DataFrame:
    """Coverage of the ensembles' sets on the real test set, one row per cell over all images, then one per class.

    The sets are calibrated on ``real_val``, the validation data, and never see a test image.

    Args:
        predictions: a cell's ``real_val`` and ``real_test`` float32 [replicates, N, classes] and their labels; where
            ``real_test_groups`` are known, intervals are over these.
        promised: share of the sets that hold the true class, if images are like the validation images.

    Returns:
        Columns ``class`` ("" over all images), ``n_calibration, promised``, ``expected_low, expected_high`` (what 95 of
        100 studies would reach whose test images are like their validation images; nan for a class, which nothing is
        promised for), ``coverage, ci_low, ci_high`` (95 %, for the trained networks and the threshold at hand),
        ``mean_size`` (classes per set), ``single`` and ``empty`` (shares of sets of one class and of none). ``n``
        counts the test images of the row.
    """
    return as_table((row for cell in predictions for row in _of_cell(cell, promised)), COLUMNS)


def _of_cell(cell: Artifact, promised: float) -> list[dict[str, Any]]:
    tensors, names = cell.tensors, CellMetadata.of(cell).class_names
    labels, groups = tensors["real_test_labels"], tensors.get("real_test_groups")
    threshold = lac_threshold(ensemble(cell, "real_val"), tensors["real_val_labels"], promised)
    sets = prediction_sets(ensemble(cell, "real_test"), threshold)
    parts = {"": np.ones(len(labels), bool)} | {names[number]: labels == number for number in np.unique(labels)}
    n_calibration = len(tensors["real_val_labels"])
    known = {"n_calibration": n_calibration, "promised": promised, "expected_low": nan, "expected_high": nan}
    rows = [
        identify(cell, int(its.sum()), ENSEMBLE)
        | {"class": name}
        | known
        | _coverage(sets[its], labels[its], None if groups is None else groups[its])
        for name, its in parts.items()
    ]
    rows[0] |= _expected(_held(sets, labels), groups, n_calibration, promised)
    return rows


def _expected(held: np.ndarray, groups: np.ndarray | None, n_calibration: int, promised: float) -> dict[str, float]:
    """The range of coverages without a shift; validation images are taken to cluster by patient as test images do."""
    independent = effective_size(held, groups)
    design_effect = len(held) / independent if independent else inf
    low, high = exchangeable_range(n_calibration, promised, len(held), design_effect)
    return {"expected_low": low, "expected_high": high}


def _held(sets: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return sets[np.arange(len(labels)), labels]


def _coverage(sets: np.ndarray, labels: np.ndarray, groups: np.ndarray | None) -> dict[str, float]:
    held, sizes = _held(sets, labels), sets.sum(axis=1)
    low, high = proportion_interval(held, groups)
    shares = {"mean_size": sizes.mean(), "single": (sizes == 1).mean(), "empty": (sizes == 0).mean()}
    return {"coverage": held.mean(), "ci_low": low, "ci_high": high, **shares}

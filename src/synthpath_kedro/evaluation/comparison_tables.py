"""Every regime against its baseline, model by model: the study's result as a table."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.cell_metadata import CellMetadata
from synthpath_kedro.errors import InputError
from synthpath_kedro.evaluation.rows import identify, records
from synthpath_kedro.metrics.bootstrap import difference_intervals
from synthpath_kedro.metrics.significance import Cell, correctness, verdicts
from synthpath_kedro.study.regimes import REGIMES

METRIC = "accuracy"
KEYS = (
    "model",
    "regime",
    "set",
    "baseline",
    "metric",
    "difference",
    "ci_low",
    "ci_high",
    "p_adjusted",
    "verdict",
    "small",
    "non_inferior",
    "margin",
)
"""The columns of a comparison for machines: those of verdict.json, and the first of comparison.csv."""

VERDICTS = ("helps", "hurts", "no_evidence", "no_verdict")
"""About the sign of the difference alone."""

WITH_INTERVALS = ("macro_f1", "auc")
ENDS = ("difference", "ci_low", "ci_high")

Cells = Mapping[Cell, Artifact]

_OF_ONE_REGIME = {"mixing_ratio", "confidence_filtering", "sweep_ratios"}
_WITHOUT_EFFECT = {"replicates", "cached_features_max_gb"}
_COLUMNS = (
    *KEYS,
    *("reason", "p", "standard_error", "mcnemar_p", "replicates", "n", "weights", "variant"),
    *(f"{metric}_{end}" for metric in WITH_INTERVALS for end in ENDS),
)


def comparison_table(predictions: Iterable[Artifact], resamples: int, seed: int, margin: float) -> pd.DataFrame:
    """One row per cell whose regime has a baseline that was trained with the same model.

    Accuracy is tested, over images (or groups of them, where ``real_test_groups`` are known) and training seeds; macro
    F1 and AUC have bootstrap intervals over images alone and no verdict.

    Args:
        predictions: a cell's ``real_test`` float32 [replicates, N, classes] and ``real_test_labels`` int64 [N].
        resamples: bootstrap draws.
        seed: of the draws.
        margin: of accuracy; a smaller gain is small, and a regime whose loss is surely smaller is not inferior.

    Returns:
        Columns ``KEYS``; ``verdict`` is one of ``VERDICTS``, ``reason`` says why there is none. Then
        ``p, standard_error, mcnemar_p, replicates, n, weights, variant``, and
        ``macro_f1_difference, macro_f1_ci_low, macro_f1_ci_high`` and likewise ``auc``. ``small``: a gain below
        ``margin``. ``non_inferior``: the lower end of the one-sided 95 % interval lies above -``margin``.

    Raises:
        InputError: cells were predicted on different test images, or a model's were trained with different settings;
            two of them are named.
    """
    cells = {_cell(artifact): artifact for artifact in predictions}
    _check_same_images(cells)
    _check_same_training(cells)
    labels, groups = _truth(cells)
    correct = {cell: correctness(artifact.tensors["real_test"], labels) for cell, artifact in cells.items()}
    rows = []
    for row in records(verdicts(correct, _baseline, groups)):
        cell = (row["model"], row["regime"], row["set"])
        identity = identify(cells[cell], len(labels))
        verdict, _, reason = row["verdict"].partition(": ")
        judged = {"metric": METRIC, "margin": margin, "verdict": verdict.replace(" ", "_"), "reason": reason}
        judged |= _against_margin(row, margin)
        rows.append(identity | row | judged | _intervals(cells, cell, resamples, seed))
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _cell(artifact: Artifact) -> Cell:
    metadata = CellMetadata.of(artifact)
    return metadata.model, metadata.regime, metadata.set


def _baseline(cell: Cell) -> Cell | None:
    model, regime, synthetic_set = cell
    baseline = REGIMES.find(regime).baseline
    if baseline is None:
        return None
    return model, baseline, synthetic_set if REGIMES.find(baseline).uses_synthetic else ""


def _against_margin(row: Mapping[str, Any], margin: float) -> dict[str, bool]:
    """Whether a gain is small, and whether a loss is surely smaller than ``margin`` (one-sided, at 5 %)."""
    degrees_of_freedom = row["degrees_of_freedom"]
    reach = stats.t.ppf(0.95, degrees_of_freedom) * row["standard_error"] if degrees_of_freedom else np.nan
    return {
        "small": bool(0 < row["difference"] < margin),
        "non_inferior": bool(row["difference"] - reach > -margin),
    }


def _intervals(cells: Cells, cell: Cell, resamples: int, seed: int) -> dict[str, Any]:
    labels, groups = _truth(cells)
    baseline = _baseline(cell)
    if baseline is None:
        return {}
    a, b = (cells[name].tensors["real_test"] for name in (cell, baseline))
    table = difference_intervals(a, b, labels, groups, resamples, seed=seed).set_index("metric")
    return {f"{metric}_{end}": table.loc[metric, end] for metric in WITH_INTERVALS for end in ENDS}


def _name(cell: Cell) -> str:
    return "/".join(filter(None, cell))


def _truth(cells: Cells) -> tuple[np.ndarray, np.ndarray | None]:
    """Labels and groups of the test images that all cells share."""
    for cell in cells.values():
        return cell.tensors["real_test_labels"], cell.tensors.get("real_test_groups")
    return np.empty(0, np.int64), None


def _check_same_images(cells: Cells) -> None:
    labels, _ = _truth(cells)
    for name, cell in cells.items():
        if not np.array_equal(cell.tensors["real_test_labels"], labels):
            raise InputError(
                f"predictions of {_name(name)} and {_name(next(iter(cells)))} are of different test images; "
                "run kedro run --pipelines=evaluation again"
            )


def _check_same_training(cells: Cells) -> None:
    """Refuses a verdict on regimes that differ in more than the training images."""
    for cell, artifact in cells.items():
        baseline = _baseline(cell)
        if baseline is None or baseline not in cells:
            continue
        its, other = (_settings(CellMetadata.of(one).parameters) for one in (artifact, cells[baseline]))
        for key in sorted(its.keys() | other.keys()):
            if its.get(key) != other.get(key):
                raise InputError(
                    f"{_name(cell)} was trained with classification.{key} {its.get(key)}, {_name(baseline)} with "
                    f"{other.get(key)}: they cannot be compared; train both alike with kedro run "
                    f"--pipeline=classification --params=model={cell[0]}"
                )


def _settings(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Of ``parameters`` those that decide a cell's training, of every regime alike, by dotted name."""
    flat: dict[str, Any] = {}
    for key, value in parameters.items():
        if key not in _OF_ONE_REGIME | _WITHOUT_EFFECT:
            flat |= {f"{key}.{name}": one for name, one in value.items()} if isinstance(value, dict) else {key: value}
    return flat

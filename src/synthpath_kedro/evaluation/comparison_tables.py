"""Synthetic and mixed training against real training, model by model: the study's answer as a table."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.errors import InputError
from synthpath_kedro.evaluation.rows import as_table, identify, records
from synthpath_kedro.metrics.bootstrap import difference_intervals
from synthpath_kedro.metrics.significance import correctness, verdicts

TESTED = ("difference", "standard_error", "low", "high", "p", "p_holm", "mcnemar_p", "verdict")
WITH_INTERVALS = ("macro_f1", "auc")

Cells = Mapping[tuple[str, str], Artifact]

_OF_ONE_REGIME = {"mixing_ratio", "confidence_filtering", "sweep_ratios"}
_WITHOUT_EFFECT = {"replicates", "cached_features_max_gb"}


def comparison_table(
    predictions: Iterable[Artifact], resamples: int, seed: int, baseline: str = "real"
) -> pd.DataFrame:
    """One row per model and regime that is compared with the baseline.

    Accuracy is tested, over images (or groups of them, where ``real_test_groups`` are known) and training seeds; macro
    F1 and AUC have bootstrap intervals over images alone and no verdict.

    Args:
        predictions: a cell's ``real_test`` float32 [replicates, N, classes] and ``real_test_labels`` int64 [N].
        resamples: bootstrap draws.
        seed: of the draws.
        baseline: the regime that the others are compared with.

    Returns:
        Columns ``model, regime, replicate`` ("all"), ``weights, n, variant, baseline, replicates``, those of
        ``significance.verdicts`` on accuracy, and ``macro_f1_difference, macro_f1_low, macro_f1_high`` and likewise
        ``auc``.

    Raises:
        InputError: cells were predicted on different test images, or a model's were trained with different settings;
            two of them are named.
    """
    cells = {(cell.card["model"], cell.card["regime"]): cell for cell in predictions}
    _check_same_images(cells)
    _check_same_training(cells, baseline)
    labels, groups = _truth(cells)
    correct = {name: correctness(cell.tensors["real_test"], labels) for name, cell in cells.items()}
    rows = [
        identify(cells[row["model"], row["regime"]], len(labels))
        | {"baseline": baseline, "replicates": row["replicates"]}
        | {name: row[name] for name in TESTED}
        | _intervals(cells, row["model"], row["regime"], baseline, resamples, seed)
        for row in records(verdicts(correct, groups, baseline))
    ]
    intervals = [f"{metric}_{end}" for metric in WITH_INTERVALS for end in ("difference", "low", "high")]
    return as_table(rows, ("baseline", "replicates", *TESTED, *intervals))


def _intervals(cells: Cells, model: str, regime: str, baseline: str, resamples: int, seed: int) -> dict[str, Any]:
    labels, groups = _truth(cells)
    a, b = (cells[model, name].tensors["real_test"] for name in (regime, baseline))
    table = difference_intervals(a, b, labels, groups, resamples, seed=seed).set_index("metric")
    ends = ("difference", "low", "high")
    return {f"{metric}_{end}": table.loc[metric, end] for metric in WITH_INTERVALS for end in ends}


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
                f"predictions of {'/'.join(name)} and {'/'.join(next(iter(cells)))} are of different test images; "
                "run kedro run --pipelines=evaluation again"
            )


def _check_same_training(cells: Cells, baseline: str) -> None:
    """Refuses a verdict on regimes that differ in more than the training images."""
    for (model, regime), cell in cells.items():
        if (model, baseline) not in cells:
            continue
        its, other = (_settings(card) for card in (cell.card, cells[model, baseline].card))
        for key in sorted(its.keys() | other.keys()):
            if its.get(key) != other.get(key):
                raise InputError(
                    f"{model}/{regime} was trained with classification.{key} {its.get(key)}, {model}/{baseline} with "
                    f"{other.get(key)}: they cannot be compared; train both alike with kedro run "
                    f"--pipeline=classification --params=model={model}"
                )


def _settings(card: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that decide a cell's training, of every regime alike, by dotted name."""
    flat: dict[str, Any] = {}
    for key, value in card.get("parameters", {}).items():
        if key not in _OF_ONE_REGIME | _WITHOUT_EFFECT:
            flat |= {f"{key}.{name}": one for name, one in value.items()} if isinstance(value, dict) else {key: value}
    return flat

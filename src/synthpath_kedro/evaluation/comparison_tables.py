"""Every regime against its baseline, model by model: the study's result as a table."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.cell_metadata import CellMetadata
from synthpath_kedro.errors import InputError
from synthpath_kedro.evaluation.rows import identify
from synthpath_kedro.metrics.pseudo_values import TESTED_METRICS, TestedMetric, correctness
from synthpath_kedro.metrics.significance import (
    HELPS,
    HURTS,
    NO_EVIDENCE,
    NO_VERDICT,
    Comparison,
    judge,
    mcnemar_p,
)
from synthpath_kedro.study.regimes import REGIMES

ACCURACY = "accuracy"
RECALL = "recall/"
"""Begins the metric of one class's recall: "recall/mucus"."""

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

VERDICTS = (HELPS, HURTS, NO_EVIDENCE, NO_VERDICT)
"""About the sign of the difference alone."""

CLAIM, CONTROL = "claim", "control"
"""What a comparison is about: synthetic images of a study, or a control. Each is a family of its own under Holm."""

Cell = tuple[str, str, str]
"""Model, regime, synthetic set ("" where the regime uses none)."""

Cells = Mapping[Cell, Artifact]

_OF_ONE_REGIME = {"mixing_ratio", "confidence_filtering", "sweep_ratios"}
_WITHOUT_EFFECT = {"replicates", "cached_features_max_gb"}
_COLUMNS = (
    *KEYS,
    *("reason", "p", "standard_error", "detectable", "mcnemar_p", "family", "replicates", "n", "weights", "variant"),
)


def comparison_table(predictions: Iterable[Artifact], margin: float, oracles: Collection[str] = ()) -> pd.DataFrame:
    """Every cell whose regime has a baseline that was trained with the same model, by every metric.

    Args:
        predictions: a cell's ``real_test`` float32 [replicates, N, classes] and ``real_test_labels`` int64 [N]; where
            ``real_test_groups`` are known, these are the cases. Replicate k of all cells of a model shares its seed.
        margin: a smaller gain is small, and a regime whose loss is surely smaller is not inferior.
        oracles: synthetic sets of a perfect generator: what they gain is no claim about a user's images.

    Returns:
        Columns ``KEYS``; ``metric`` is one of ``TESTED_METRICS`` or the recall of one class. Then ``reason`` (why there
        is no verdict), ``p, standard_error``, ``detectable`` (see ``judge``), ``mcnemar_p`` (of accuracy: the median
        over replicates of the exact test over images alone), ``family`` (claim or control), ``replicates, n, weights,
        variant``. Holm's procedure runs over each family of each metric; all classes' recall is one metric.

    Raises:
        InputError: cells were predicted on different test images, or a model's were trained with different settings;
            two of them are named.
    """
    cells, pairs, families = paired(predictions, oracles)
    _check_same_images(cells)
    if not pairs:
        return pd.DataFrame(columns=list(_COLUMNS))
    tables = [_of_metric(metric, cells, pairs, families, margin) for metric in TESTED_METRICS.values()]
    tables.append(_of_recall(cells, pairs, families, margin))
    return pd.concat(tables, ignore_index=True)[list(_COLUMNS)]


def accuracy_rows(comparison: pd.DataFrame) -> pd.DataFrame:
    """The rows of a comparison table that are about accuracy."""
    return comparison if comparison.empty else comparison[comparison["metric"] == ACCURACY].reset_index(drop=True)


Pairs = Sequence[tuple[Cell, Cell]]


def paired(artifacts: Iterable[Artifact], oracles: Collection[str] = ()) -> tuple[Cells, Pairs, list[str]]:
    """Cells by name, each with a baseline beside this baseline, and the family of each of these pairs.

    Raises:
        InputError: a model's cells were trained with different settings; two of them are named.
    """
    cells = {_cell(artifact): artifact for artifact in artifacts}
    _check_same_training(cells)
    pairs = [(cell, other) for cell in cells if (other := _baseline(cell)) is not None and other in cells]
    return cells, pairs, [CONTROL if _is_control(cell, oracles) else CLAIM for cell, _ in pairs]


def _of_metric(
    metric: TestedMetric, cells: Cells, pairs: Pairs, families: Sequence[str], margin: float
) -> pd.DataFrame:
    labels, groups = _truth(cells)
    used = {cell: cells[cell] for pair in pairs for cell in pair}
    scores = {
        cell: np.stack([metric.pseudo_values(replicate, labels) for replicate in artifact.tensors["real_test"]])
        for cell, artifact in used.items()
    }
    comparisons = [
        Comparison(scores[cell], scores[other], groups, family, denoisers_of(cells[cell]), metric.is_error)
        for (cell, other), family in zip(pairs, families, strict=True)
    ]
    rows = [identity_of_pair(cells, pair, metric.name, family) for pair, family in zip(pairs, families, strict=True)]
    table = pd.DataFrame(rows).join(judge(comparisons, margin))
    if metric.name == ACCURACY:
        table["mcnemar_p"] = [_median_mcnemar(scores[cell] > 0, scores[other] > 0) for cell, other in pairs]
    return table.reindex(columns=list(_COLUMNS))


def _of_recall(cells: Cells, pairs: Pairs, families: Sequence[str], margin: float) -> pd.DataFrame:
    """The recall of a class is the accuracy on its images."""
    labels, groups = _truth(cells)
    names = CellMetadata.of(next(iter(cells.values()))).class_names
    right = {cell: correctness(cells[cell].tensors["real_test"], labels) for pair in pairs for cell in pair}
    rows, comparisons = [], []
    for (cell, other), family in zip(pairs, families, strict=True):
        for number in np.unique(labels):
            its = labels == number
            rows.append(identity_of_pair(cells, (cell, other), f"{RECALL}{names[number]}", family))
            of_class = (right[cell][:, its], right[other][:, its], None if groups is None else groups[its])
            comparisons.append(Comparison(*of_class, family, denoisers_of(cells[cell])))
    return pd.DataFrame(rows).join(judge(comparisons, margin)).reindex(columns=list(_COLUMNS))


def identity_of_pair(cells: Cells, pair: tuple[Cell, Cell], metric: str, family: str) -> dict[str, Any]:
    """What a row of comparisons begins with."""
    cell, other = pair
    facts = identify(cells[cell], 0)
    named = {name: facts[name] for name in ("model", "regime", "set", "weights", "variant")}
    return {**named, "baseline": other[1], "metric": metric, "family": family}


def _is_control(cell: Cell, oracles: Collection[str]) -> bool:
    _, regime, synthetic_set = cell
    return REGIMES.find(regime).is_control or synthetic_set in oracles


def denoisers_of(artifact: Artifact) -> int:
    """How many denoisers made a cell's synthetic images."""
    return CellMetadata.of(artifact).denoiser_replicates


def _median_mcnemar(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.median([mcnemar_p(x, y) for x, y in zip(a, b, strict=False)]))


def _cell(artifact: Artifact) -> Cell:
    metadata = CellMetadata.of(artifact)
    return metadata.model, metadata.regime, metadata.set


def _baseline(cell: Cell) -> Cell | None:
    model, regime, synthetic_set = cell
    baseline = REGIMES.find(regime).baseline
    if baseline is None:
        return None
    return model, baseline, synthetic_set if REGIMES.find(baseline).uses_synthetic else ""


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
        sides = (cell, artifact), (baseline, cells[baseline])
        reads_ratio = all(REGIMES.find(regime).reads_mixing_ratio for (_, regime, _), _ in sides)
        its, other = (_settings(CellMetadata.of(one).parameters, with_ratio=reads_ratio) for _, one in sides)
        for key in sorted(its.keys() | other.keys()):
            if its.get(key) != other.get(key):
                raise InputError(
                    f"{_name(cell)} was trained with classification.{key} {its.get(key)}, {_name(baseline)} with "
                    f"{other.get(key)}: they cannot be compared; train both alike with kedro run "
                    f"--pipeline=classification --params=model={cell[0]}"
                )


def _settings(parameters: Mapping[str, Any], *, with_ratio: bool) -> dict[str, Any]:
    """Of ``parameters`` those that decide both cells' training, by dotted name."""
    flat: dict[str, Any] = {}
    left_out = _OF_ONE_REGIME - ({"mixing_ratio"} if with_ratio else set())
    for key, value in parameters.items():
        if key not in left_out | _WITHOUT_EFFECT:
            flat |= {f"{key}.{name}": one for name, one in value.items()} if isinstance(value, dict) else {key: value}
    return flat

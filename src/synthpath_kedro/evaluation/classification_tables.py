"""How well each cell classifies: tables 4.1 and 4.2, intervals, and every class by itself."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.cell_metadata import CellMetadata
from synthpath_kedro.evaluation.rows import RECONSTRUCTED, SYNTHETIC, as_table, identify, records, synthetic_sets
from synthpath_kedro.metrics.bootstrap import metric_intervals
from synthpath_kedro.metrics.classification import METRICS, classification_metrics, confusion, per_class_metrics

CHANGES = ("accuracy", "macro_f1", "auc")
ZERO_SHOT = "zero_shot_val_accuracy"


def classification_table(predictions: Iterable[Artifact]) -> pd.DataFrame:
    """Metrics on the real test set, one row per cell and replicate.

    Args:
        predictions: a cell's ``real_test`` float32 [replicates, N, classes] and ``real_test_labels`` int64 [N]; the
            card names model, regime, weights, variant and class names, and of a model that can classify without any
            training its accuracy on the validation set before it, ``zero_shot_val_accuracy``.
    """
    rows = (row | {ZERO_SHOT: _zero_shot(cell)} for cell in predictions for row in _score(cell, "real_test"))
    return as_table(rows, [*METRICS, ZERO_SHOT])


def _zero_shot(cell: Artifact) -> float:
    accuracy = CellMetadata.of(cell).zero_shot_val_accuracy
    return np.nan if accuracy is None else accuracy


def synthetic_as_test_table(predictions: Iterable[Artifact]) -> pd.DataFrame:
    """Metrics on each synthetic set, and their change against the real test set, one row per cell, set and replicate.

    Args:
        predictions: as for ``classification_table``, with ``synthetic.<set>`` and ``synthetic.<set>_labels`` besides.

    Returns:
        The columns of ``classification_table``, those of the changes, and ``tested_on``: name of the synthetic set.
        ``set`` is the one that the cell was trained on.
    """
    rows = []
    for cell in predictions:
        before = _score(cell, "real_test")
        for name in synthetic_sets(cell):
            for real, synthetic in zip(before, _score(cell, f"{SYNTHETIC}{name}"), strict=True):
                changes = {f"{metric}_change": synthetic[metric] - real[metric] for metric in CHANGES}
                rows.append(synthetic | changes | {"tested_on": name})
    return as_table(rows, [*METRICS, *(f"{metric}_change" for metric in CHANGES), "tested_on"])


def reconstruction_table(predictions: Iterable[Artifact]) -> pd.DataFrame:
    """Metrics on reconstructed real test images, and their change against the originals: what the autoencoder costs.

    Args:
        predictions: as for ``classification_table``, with ``reconstructed`` and ``reconstructed_labels`` besides; those
            without are left out.

    Returns:
        The columns of ``classification_table`` and those of the changes, one row per cell and replicate.
    """
    rows = []
    for cell in predictions:
        if RECONSTRUCTED in cell.tensors:
            for real, changed in zip(_score(cell, "real_test"), _score(cell, RECONSTRUCTED), strict=True):
                rows.append(changed | {f"{metric}_change": changed[metric] - real[metric] for metric in CHANGES})
    return as_table(rows, [*METRICS, *(f"{metric}_change" for metric in CHANGES)])


def interval_table(predictions: Iterable[Artifact], resamples: int, seed: int) -> pd.DataFrame:
    """Every metric's mean, standard deviation between replicates and 95 % interval, one row per cell and metric.

    The interval is a bootstrap's: test images are resampled, or whole groups of them where ``real_test_groups`` are
    known.

    Args:
        predictions: as for ``classification_table``.
        resamples: bootstrap draws.
        seed: of the draws.
    """
    rows = []
    for cell in predictions:
        tensors = cell.tensors
        labels, groups = tensors["real_test_labels"], tensors.get("real_test_groups")
        intervals = metric_intervals(tensors["real_test"], labels, groups, resamples, seed=seed)
        rows += [identify(cell, len(labels)) | row for row in records(intervals)]
    return as_table(rows, ("metric", "mean", "std", "ci_low", "ci_high"))


def per_class_table(predictions: Iterable[Artifact]) -> pd.DataFrame:
    """Precision, recall and F1 on the real test set, one row per cell, replicate and class.

    Args:
        predictions: as for ``classification_table``.
    """
    rows = []
    for cell in predictions:
        labels, names = cell.tensors["real_test_labels"], CellMetadata.of(cell).class_names
        for replicate, probabilities in enumerate(cell.tensors["real_test"]):
            classes = per_class_metrics(probabilities, labels, names).rename(columns={"n": "n_class"})
            rows += [identify(cell, len(labels), replicate) | row for row in records(classes)]
    return as_table(rows, ("class", "n_class", "precision", "recall", "f1"))


def confusion_of_cell(cell: Artifact) -> Int[np.ndarray, "classes classes"]:
    """Counts on the real test set, summed over replicates: true classes in rows, predicted ones in columns."""
    labels = cell.tensors["real_test_labels"]
    return np.sum([confusion(probabilities, labels) for probabilities in cell.tensors["real_test"]], axis=0)


def _score(cell: Artifact, images: str) -> list[dict[str, Any]]:
    labels = cell.tensors[f"{images}_labels"]
    return [
        identify(cell, len(labels), replicate) | classification_metrics(probabilities, labels)
        for replicate, probabilities in enumerate(cell.tensors[images])
    ]

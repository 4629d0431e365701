"""Accuracy against the number of real and of synthetic images, from the predictions that each training left."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.lineage import check_same_data
from synthpath_kedro.evaluation.rows import identify
from synthpath_kedro.metrics.classification import classification_metrics
from synthpath_kedro.metrics.learning_curve import LEVEL, real_images_worth, resampled_accuracies
from synthpath_kedro.metrics.pseudo_values import correctness
from synthpath_kedro.study.grid import Cell

SCORES = ("accuracy", "macro_f1", "auc")
PREPARED = "prepared"
"""The column with the digest of the prepared data: a report shows no table of other data."""

Curves = Mapping[Cell, Sequence[Artifact]]
"""For each cell its predictions by ascending number of real images."""

_IDENTITY = ("replicate", "weights", "n")


def learning_curve_table(predictions: Iterable[Artifact]) -> pd.DataFrame:
    """Scores on the real test set.

    Args:
        predictions: of every cell at every fraction: ``real_test`` float32 [replicates, N, classes] and
            ``real_test_labels``; the card names the cell, ``fraction``, ``n_train`` and ``prepared``.

    Returns:
        One row per cell, fraction and replicate: ``model, regime, set, fraction, n_train, replicate, weights, n,
        accuracy, macro_f1, auc, prepared``.
    """
    return score_table(_of_same_data(predictions), ("fraction", "n_train"))


def synthetic_count_table(predictions: Iterable[Artifact]) -> pd.DataFrame:
    """The same for numbers of synthetic images, at the same number of steps.

    Args:
        predictions: of every cell and count, and of the cells without synthetic images; one without replicates, whose
            set has too few images, is left out.

    Returns:
        As ``learning_curve_table``, with ``synthetic_per_real, n_train, n_synthetic`` in place of the fraction.
    """
    found = [one for one in _of_same_data(predictions) if len(one.tensors["real_test"])]
    table = score_table(found, ("synthetic_per_real", "n_train", "n_synthetic"))
    return table.fillna({"synthetic_per_real": 0.0}).astype({"synthetic_per_real": float})


def interval_table(predictions: Iterable[Artifact], resamples: int, seed: int) -> pd.DataFrame:
    """Mean accuracy with its 95 % interval over test images (or groups of them) and training seeds.

    Returns:
        One row per cell and fraction: ``model, regime, set, fraction, n_train, replicates, n, accuracy, ci_low,
        ci_high, prepared``.
    """
    found = _of_same_data(predictions)
    groups = found[0].tensors.get("real_test_groups")
    right = [_correct(one) for one in found]
    ends = np.quantile(resampled_accuracies(right, groups, resamples, seed), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
    rows = [
        {
            **_named(one, ("model", "regime", "set", "fraction", "n_train")),
            "replicates": len(cell),
            "n": cell.shape[1],
            "accuracy": cell.mean(),
            "ci_low": low,
            "ci_high": high,
            PREPARED: one.card[PREPARED],
        }
        for one, cell, low, high in zip(found, right, *ends, strict=True)
    ]
    return pd.DataFrame(rows)


def worth_table(predictions: Iterable[Artifact], resamples: int, seed: int) -> pd.DataFrame:
    """How many real images the synthetic images of each cell are worth at each number of real ones.

    Returns:
        One row per cell with synthetic images and a baseline, and fraction: ``model, regime, set, baseline, n_train,
        worth, ci_low, ci_high, least, most, prepared``. ``least`` and ``most`` are what the baseline's curve can tell
        at that number; beyond them ``worth`` and its interval are infinite.
    """
    curves = _curves(_of_same_data(predictions))
    rows = [
        row
        for cell, own in curves.items()
        if cell.set and cell.baseline is not None and cell.baseline in curves
        for row in _worth_of(cell, own, curves[cell.baseline], resamples, seed)
    ]
    return pd.DataFrame(rows, columns=_WORTH)


_WORTH = (
    *("model", "regime", "set", "baseline", "n_train"),
    *("worth", "ci_low", "ci_high", "least", "most", PREPARED),
)


def score_table(predictions: Iterable[Artifact], facts: Sequence[str]) -> pd.DataFrame:
    """One row per artifact and replicate: model, regime, set, ``facts`` of its card, replicate and scores."""
    columns = ["model", "regime", "set", *facts, *_IDENTITY, *SCORES, PREPARED]
    rows: list[dict[str, Any]] = []
    for one in predictions:
        labels = one.tensors["real_test_labels"]
        for replicate, probabilities in enumerate(one.tensors["real_test"]):
            scores = classification_metrics(probabilities, labels)
            rows.append(_named(one, (*facts, PREPARED)) | identify(one, len(labels), replicate) | scores)
    return pd.DataFrame(rows, columns=columns)


def _worth_of(
    cell: Cell, own: Sequence[Artifact], baseline: Sequence[Artifact], resamples: int, seed: int
) -> list[dict[str, Any]]:
    n = np.array([one.card["n_train"] for one in own])
    groups = own[0].tensors.get("real_test_groups")
    found = real_images_worth(n, [*map(_correct, baseline)], [*map(_correct, own)], groups, resamples, seed)
    shared = {"model": cell.model, "regime": cell.regime, "set": cell.set, "baseline": baseline[0].card["regime"]}
    return [
        {
            **shared,
            "n_train": size,
            "worth": worth,
            "ci_low": low,
            "ci_high": high,
            "least": n[0] - size,
            "most": n[-1] - size,
            PREPARED: own[0].card[PREPARED],
        }
        for size, worth, low, high in zip(n, found.worth, found.ci_low, found.ci_high, strict=True)
    ]


def _curves(predictions: Iterable[Artifact]) -> Curves:
    found: dict[Cell, list[Artifact]] = {}
    for one in sorted(predictions, key=lambda one: one.card["n_train"]):
        found.setdefault(Cell(one.card["model"], one.card["regime"], one.card["set"]), []).append(one)
    return found


def _of_same_data(predictions: Iterable[Artifact]) -> list[Artifact]:
    found = list(predictions)
    check_same_data({f"predictions {k}": {PREPARED: one.card[PREPARED]} for k, one in enumerate(found)})
    return found


def _correct(one: Artifact) -> np.ndarray:
    return correctness(one.tensors["real_test"], one.tensors["real_test_labels"])


def _named(one: Artifact, names: Sequence[str]) -> dict[str, Any]:
    return {name: one.card[name] for name in names}

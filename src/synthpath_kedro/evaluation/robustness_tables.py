"""What attacks do to each cell's accuracy: table 4.3, its control, and the curves."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.cell_metadata import AttackedMetadata
from synthpath_kedro.evaluation.attack_suite import (
    CLEAN,
    CURVE_ROWS,
    GROUPS,
    LABELS,
    MASKING,
    MASKING_ATTACKS,
    MASKING_ROWS,
    control_name,
    curve_attacks,
    curve_name,
)
from synthpath_kedro.evaluation.rows import as_table, identify
from synthpath_kedro.metrics.attack_strength import halving_budget, share_interval
from synthpath_kedro.metrics.masking import MaskingChecks
from synthpath_kedro.metrics.pseudo_values import correctness

COLUMNS = ("attack", "control", "eps", "clean_accuracy", "accuracy", "change", "pixel_space_change")


SUMMARY_COLUMNS = ("attack", "eps", "accuracy", "ci_low", "ci_high", "eps_halved", "largest_eps")
MASKING_COLUMNS = ("clean_accuracy", *MASKING_ATTACKS, "signs")
NO_BETTER = "not decided: no better than naming the largest class"


def robustness_table(attacked: Iterable[Artifact]) -> pd.DataFrame:
    """Accuracy under each attack, and its change from the clean accuracy on the same images.

    Args:
        attacked: what ``attack_suite`` made of a cell; the card names model, regime, weights, variant, attacks, eps.

    Returns:
        One row per cell, replicate and attack; then the same where ``control`` is true: attacked in the normalized
        space
        with values clamped to [0, 1], no measure of robustness, on the curve's images; ``pixel_space_change`` is then
        the attack's change in pixel space on the same images, and nan elsewhere.
    """
    return as_table((row for cell in attacked for row in (*_attacks(cell), *_controls(cell))), COLUMNS)


def robustness_curves(attacked: Iterable[Artifact]) -> pd.DataFrame:
    """Accuracy against the budget, one row per cell, replicate, attack and eps; columns as ``robustness_table``.

    Args:
        attacked: as for ``robustness_table``.
    """
    return as_table((row for cell in attacked for row in _curves(cell)), COLUMNS)


def attack_summary_table(attacked: Iterable[Artifact]) -> pd.DataFrame:
    """What each attack leaves of a cell's accuracy, mean over replicates, with its interval over images.

    Args:
        attacked: as for ``robustness_table``.

    Returns:
        One row per cell and attack: 95 % interval, and ``eps_halved``, where the curve of the mean accuracy is half of
        the clean one (inf: not up to ``largest_eps``; nan: the attack is not on the curves, or nothing can be halved).
    """
    return as_table((row for cell in attacked for row in _summaries(cell)), SUMMARY_COLUMNS)


def masking_table(attacked: Iterable[Artifact]) -> pd.DataFrame:
    """Accuracies in the checks for masked gradients and what speaks for masking, one row per cell: of replicate 0.

    A cell that classifies no better than naming the largest class has nothing that an attack could take. Cells that
    were attacked before there were checks are left out.

    Args:
        attacked: as for ``robustness_table``.
    """
    return as_table((_masking(cell) for cell in attacked if MASKING_ROWS in cell.tensors), MASKING_COLUMNS)


def _summaries(cell: Artifact) -> Iterator[dict[str, Any]]:
    metadata, labels = AttackedMetadata.of(cell), cell.tensors[LABELS]
    for attack in metadata.attacks:
        right = correctness(cell.tensors[attack], labels)
        ends = share_interval(right, cell.tensors.get(GROUPS))
        on_curve = attack in curve_attacks([attack]) and metadata.epsilon_sweep
        halved = _halved(cell, attack, metadata.epsilon_sweep) if on_curve else float("nan")
        largest = max(metadata.epsilon_sweep) if on_curve else float("nan")
        values = (attack, metadata.eps, right.mean(), *ends, halved, largest)
        yield identify(cell, len(labels)) | dict(zip(SUMMARY_COLUMNS, values, strict=True))


def _halved(cell: Artifact, attack: str, sweep: list[float]) -> float:
    rows = cell.tensors[CURVE_ROWS]
    labels = cell.tensors[LABELS][rows]
    clean = correctness(cell.tensors[CLEAN][:, rows], labels).mean()
    curve = [correctness(cell.tensors[curve_name(attack, k)], labels).mean() for k in range(len(sweep))]
    order = np.argsort(sweep)
    return halving_budget(np.array([0, *np.array(sweep)[order]]), np.array([clean, *np.array(curve)[order]]))


def _masking(cell: Artifact) -> dict[str, Any]:
    rows = cell.tensors[MASKING_ROWS]
    labels = cell.tensors[LABELS][rows]
    clean = correctness(cell.tensors[CLEAN][0, rows], labels) > 0
    right = {name: correctness(cell.tensors[MASKING + name], labels) > 0 for name in MASKING_ATTACKS}
    chance = np.unique(labels, return_counts=True)[1].max() / len(labels)
    signs = MaskingChecks(clean, **right).signs() if clean.mean() > chance else [NO_BETTER]
    accuracies = {"clean_accuracy": clean.mean()} | {name: one.mean() for name, one in right.items()}
    return identify(cell, len(labels), 0) | accuracies | {"signs": "; ".join(signs)}


def _attacks(cell: Artifact) -> Iterator[dict[str, Any]]:
    metadata = AttackedMetadata.of(cell)
    for attack in metadata.attacks:
        yield from _rows(cell, attack, metadata.eps, cell.tensors[attack], np.arange(len(cell.tensors[LABELS])))


def _controls(cell: Artifact) -> Iterator[dict[str, Any]]:
    metadata = AttackedMetadata.of(cell)
    for attack in curve_attacks(metadata.attacks):
        probabilities, rows = cell.tensors[control_name(attack)], cell.tensors[CURVE_ROWS]
        in_pixel_space = _rows(cell, attack, metadata.eps, cell.tensors[attack][:, rows], rows)
        for row, same_images in zip(
            _rows(cell, attack, metadata.eps, probabilities, rows, control=True), in_pixel_space, strict=True
        ):
            yield row | {"pixel_space_change": same_images["change"]}


def _curves(cell: Artifact) -> Iterator[dict[str, Any]]:
    metadata = AttackedMetadata.of(cell)
    for attack in curve_attacks(metadata.attacks):
        for place, eps in enumerate(metadata.epsilon_sweep):
            yield from _rows(cell, attack, eps, cell.tensors[curve_name(attack, place)], cell.tensors[CURVE_ROWS])


def _rows(
    cell: Artifact, attack: str, eps: float, probabilities: np.ndarray, images: np.ndarray, *, control: bool = False
) -> Iterator[dict[str, Any]]:
    """One row per replicate; ``images`` are the attacked ones' rows among the cell's."""
    labels = cell.tensors[LABELS][images]
    clean, robust = (_accuracy(p, labels) for p in (cell.tensors[CLEAN][:, images], probabilities))
    for replicate, (before, after) in enumerate(zip(clean, robust, strict=True)):
        values = (attack, control, eps, before, after, after - before, float("nan"))
        yield identify(cell, len(labels), replicate) | dict(zip(COLUMNS, values, strict=True))


def _accuracy(probabilities: np.ndarray, labels: np.ndarray) -> list[float]:
    return (probabilities.argmax(axis=2) == labels).mean(axis=1).tolist()

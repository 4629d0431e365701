"""What attacks do to each cell's accuracy: table 4.3, its control, and the curves."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.cell_metadata import AttackedMetadata
from synthpath_kedro.evaluation.attack_suite import CLEAN, CURVE_ROWS, LABELS, control_name, curve_attacks, curve_name
from synthpath_kedro.evaluation.rows import as_table, identify

COLUMNS = ("attack", "control", "eps", "clean_accuracy", "accuracy", "change", "pixel_space_change")


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

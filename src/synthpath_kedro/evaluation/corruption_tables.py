"""What corruptions do to each cell's accuracy, and which regimes bear them better than their baseline."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.cell_metadata import CorruptedMetadata
from synthpath_kedro.errors import InputError
from synthpath_kedro.evaluation.attack_suite import CLEAN, GROUPS, LABELS
from synthpath_kedro.evaluation.comparison_tables import KEYS, Cells, denoisers_of, identity_of_pair, paired
from synthpath_kedro.evaluation.rows import as_table, identify
from synthpath_kedro.metrics.pseudo_values import correctness
from synthpath_kedro.metrics.significance import Comparison, judge
from synthpath_kedro.study.corruptions import CORRUPTIONS

ROWS = "rows"
MEAN = "mean"
"""Stands for the mean over all corruptions in the place of a corruption's name."""
CORRUPTED_ACCURACY, CHANGE = "corrupted_accuracy", "corruption_change"
"""What verdicts are about: the accuracy that is left, and its change from that on the same images as they were."""

COLUMNS = ("corruption", "level", "clean_accuracy", "accuracy", "change")
COMPARISON_COLUMNS = (
    *KEYS,
    *("corruption", "measure", "reason", "p", "standard_error", "detectable", "family", "replicates", "n"),
    *("weights", "variant"),
)

Scores = Float[np.ndarray, "replicates images"]


def corruptions_table(corrupted: Iterable[Artifact]) -> pd.DataFrame:
    """Accuracy at each level of each corruption, and its change from the accuracy on the same images as they were.

    Args:
        corrupted: of each cell what ``corruption_suite`` gave, with ``clean`` probabilities [replicates, images,
            classes], ``labels``, ``rows`` (numbers of the images in the test set) and, where known, ``groups``.

    Returns:
        One row per cell, replicate, corruption and level.
    """
    return as_table((row for cell in corrupted for row in _levels(cell)), COLUMNS)


def corruption_means_table(corrupted: Iterable[Artifact]) -> pd.DataFrame:
    """The mean over the levels of each corruption, and over all corruptions: the mean corruption accuracy.

    Args:
        corrupted: as for ``corruptions_table``.

    Returns:
        One row per cell, replicate and corruption; the last of a replicate is ``MEAN``, in which every corruption
        weighs the same. ``level`` is left out.
    """
    columns = [name for name in COLUMNS if name != "level"]
    return as_table((row for cell in corrupted for row in _means(cell)), columns)


def corruption_comparison_table(
    corrupted: Iterable[Artifact], margin: float, oracles: Collection[str] = ()
) -> pd.DataFrame:
    """Every cell whose regime has a baseline against this baseline, replicate by replicate on the same images.

    An image's score is the mean over a corruption's levels of whether it is classified correctly; for the change, less
    whether it is as it was. A regime that is worse on clean images has less to lose: read both.

    Args:
        corrupted: as for ``corruptions_table``.
        margin: see ``judge``.
        oracles: synthetic sets of a perfect generator.

    Returns:
        Columns ``COMPARISON_COLUMNS``. ``metric`` is "<measure>" for the mean over all corruptions and
        "<measure>/<corruption>" for one. Holm's procedure runs over each family of the means of a measure, and apart
        from them over each family of all its corruptions.

    Raises:
        InputError: cells were shown different images or corruptions, or trained with different settings.
    """
    cells, pairs, families = paired(corrupted, oracles)
    _check_same_corruptions(cells)
    if not pairs:
        return pd.DataFrame(columns=list(COMPARISON_COLUMNS))
    tables = []
    for measure, scores_of in _MEASURES.items():
        scores = {cell: scores_of(cells[cell]) for pair in pairs for cell in pair}
        kinds = [name for name in next(iter(scores.values())) if name != MEAN]
        for names in ([MEAN], kinds):
            rows, comparisons = [], []
            for (cell, other), family in zip(pairs, families, strict=True):
                for name in names:
                    metric = measure if name == MEAN else f"{measure}/{name}"
                    facts = identity_of_pair(cells, (cell, other), metric, family)
                    rows.append({**facts, "corruption": name, "measure": measure})
                    sides = scores[cell][name], scores[other][name], cells[cell].tensors.get(GROUPS)
                    comparisons.append(Comparison(*sides, family, denoisers_of(cells[cell])))
            tables.append(pd.DataFrame(rows).join(judge(comparisons, margin)))
    return pd.concat(tables, ignore_index=True)[list(COMPARISON_COLUMNS)]


def mean_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that are about the mean over all corruptions."""
    return table[table["corruption"] == MEAN].reset_index(drop=True)


def _levels(cell: Artifact) -> Iterator[dict[str, Any]]:
    clean = _correct(cell, cell.tensors[CLEAN])
    for name, levels in _corruptions(cell).items():
        for level, probabilities in zip(levels, cell.tensors[name], strict=True):
            for row in _rows(cell, clean, _correct(cell, probabilities)):
                yield row | {"corruption": name, "level": level}


def _means(cell: Artifact) -> Iterator[dict[str, Any]]:
    clean = _correct(cell, cell.tensors[CLEAN])
    rows = [
        row | {"corruption": name}
        for name, scores in _accuracy_scores(cell).items()
        for row in _rows(cell, clean, scores)
    ]
    yield from sorted(rows, key=lambda row: row["replicate"])


def _rows(cell: Artifact, clean: Scores, scores: Scores) -> Iterator[dict[str, Any]]:
    for replicate, (before, after) in enumerate(zip(clean.mean(axis=1), scores.mean(axis=1), strict=True)):
        numbers = {"clean_accuracy": before, "accuracy": after, "change": after - before}
        yield identify(cell, scores.shape[1], replicate) | dict.fromkeys(COLUMNS[:1]) | numbers


def _accuracy_scores(cell: Artifact) -> dict[str, Scores]:
    """By corruption, last their mean: the share of levels at which each replicate classifies each image correctly."""
    scores = {
        name: np.mean([_correct(cell, level) for level in cell.tensors[name]], axis=0) for name in _corruptions(cell)
    }
    return scores | {MEAN: np.mean(list(scores.values()), axis=0)}


def _change_scores(cell: Artifact) -> dict[str, Scores]:
    clean = _correct(cell, cell.tensors[CLEAN])
    return {name: scores - clean for name, scores in _accuracy_scores(cell).items()}


_MEASURES = {CORRUPTED_ACCURACY: _accuracy_scores, CHANGE: _change_scores}


def _corruptions(cell: Artifact) -> dict[str, list[float]]:
    """Levels by corruption, in the order of ``CORRUPTIONS``."""
    found, places = CorruptedMetadata.of(cell).corruption_levels, list(CORRUPTIONS)
    return {name: found[name] for name in sorted(found, key=places.index)}


def _correct(cell: Artifact, probabilities: np.ndarray) -> Scores:
    return correctness(probabilities, cell.tensors[LABELS])


def _check_same_corruptions(cells: Cells) -> None:
    """Refuses cells that were shown other images, or other corruptions of them."""
    for cell in cells.values():
        first = next(iter(cells.values()))
        same_images = np.array_equal(cell.tensors[ROWS], first.tensors[ROWS])
        if not same_images or _corruptions(cell) != _corruptions(first):
            names = " and ".join(f"corrupted images of {CorruptedMetadata.of(one).name}" for one in (cell, first))
            what = "different corruptions" if same_images else "different test images"
            raise InputError(f"{names} are of {what}; run kedro run --pipelines=evaluation again")

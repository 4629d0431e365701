"""How synthetic images lie among real ones in each classifier's feature space: the numbers beside t-SNE."""

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.cell_metadata import CellMetadata
from synthpath_kedro.evaluation.rows import SYNTHETIC, as_table, identify, records, synthetic_sets
from synthpath_kedro.metrics.embedding import knn_mixing

ALL_CLASSES = ""
"""No class is called so."""
COLUMNS = (
    "beside",
    "class",
    "n_class",
    "k",
    "real_share",
    "expected_real_share",
    "class_agreement",
    "real_class_agreement",
)


def knn_mixing_table(features: Iterable[Artifact], k: int) -> pd.DataFrame:
    """``embedding.knn_mixing`` of every cell and synthetic set: a row per class that the set has, and one over all.

    Args:
        features: of a cell's first replicate: ``real_test`` and ``synthetic.<set>`` float32 [n, D] and their labels.
        k: nearest neighbors of each synthetic image; fewer where there are fewer images.

    Returns:
        ``beside`` is the synthetic set whose images lie among the real ones; ``set`` the one the cell was trained on.
    """
    return as_table((row for cell in features for name in synthetic_sets(cell) for row in _mix(cell, name, k)), COLUMNS)


def _mix(cell: Artifact, name: str, k: int) -> Iterator[dict[str, Any]]:
    tensors, synthetic = cell.tensors, f"{SYNTHETIC}{name}"
    sets = tensors["real_test"], tensors[synthetic]
    n = len(sets[0]) + len(sets[1])
    labels = tensors["real_test_labels"], tensors[f"{synthetic}_labels"]
    mixing = knn_mixing(*sets, *labels, min(k, n - 1)).rename(columns={"n": "n_class"})
    mixing["class"] = mixing["class"].map(dict(enumerate(CellMetadata.of(cell).class_names)) | {-1: ALL_CLASSES})
    for row in records(mixing):
        yield identify(cell, n, 0) | {"beside": name} | row

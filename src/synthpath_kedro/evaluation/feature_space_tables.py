"""How synthetic images lie among real ones in each classifier's feature space: the numbers beside t-SNE."""

from collections.abc import Iterable

import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.rows import as_table, identify, records
from synthpath_kedro.metrics.embedding import knn_mixing

ALL_CLASSES = "all"
COLUMNS = ("class", "n_class", "k", "real_share", "expected_real_share", "class_agreement", "real_class_agreement")


def knn_mixing_table(features: Iterable[Artifact], k: int) -> pd.DataFrame:
    """``embedding.knn_mixing`` of every cell: a row per class that has synthetic images, and one over all.

    Args:
        features: of a cell's first replicate: ``real_test`` and ``synthetic`` float32 [n, D] and their labels.
        k: nearest neighbors of each synthetic image; fewer where there are fewer images.
    """
    rows = []
    for cell in features:
        sets = cell.tensors["real_test"], cell.tensors["synthetic"]
        labels = cell.tensors["real_test_labels"], cell.tensors["synthetic_labels"]
        n = len(sets[0]) + len(sets[1])
        mixing = knn_mixing(*sets, *labels, min(k, n - 1)).rename(columns={"n": "n_class"})
        names = dict(enumerate(cell.card["class_names"])) | {-1: ALL_CLASSES}
        mixing["class"] = mixing["class"].map(names)
        rows += [identify(cell, n, 0) | row for row in records(mixing)]
    return as_table(rows, COLUMNS)

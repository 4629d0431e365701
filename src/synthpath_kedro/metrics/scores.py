"""Long tables, one row a cell and replicate, from what the cells' predictions were saved as."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from synthpath_kedro.data.artefact import Artefact
from synthpath_kedro.metrics.classification import classification_metrics

CELL = ("model", "regime", "replicate", "weights", "n", "variant")
CHANGES = ("accuracy", "macro_f1", "auc")


def classification_table(predictions: Iterable[Artefact]) -> pd.DataFrame:
    """Metrics on the real test set.

    Args:
        predictions: a cell's ``real_test`` float32 [replicates, N, classes] and ``real_test_labels`` int64 [N]; the
            card names model, regime, weights and variant.
    """
    return _table(row for cell in predictions for row in _score(cell, "real_test"))


def synthetic_as_test_table(predictions: Iterable[Artefact]) -> pd.DataFrame:
    """Metrics on the synthetic set, and their change against the real test set.

    Args:
        predictions: as for ``classification_table``, with ``synthetic`` and ``synthetic_labels`` besides.
    """
    rows = []
    for cell in predictions:
        for real, synthetic in zip(_score(cell, "real_test"), _score(cell, "synthetic"), strict=True):
            changes = {f"{metric}_change": synthetic[metric] - real[metric] for metric in CHANGES}
            rows.append(synthetic | changes)
    return _table(rows)


def robustness_table(attacked: Iterable[Artefact]) -> pd.DataFrame:
    """Accuracy under each attack, and its change from the clean accuracy on the same images.

    Args:
        attacked: a cell's ``clean`` and one array an attack, float32 [replicates, n, classes], and ``labels``
            int64 [n]; the card names model, regime, weights, variant, attacks and eps.
    """
    rows = []
    for cell in attacked:
        labels = cell.tensors["labels"]
        clean = _accuracy(cell.tensors["clean"], labels)
        for attack in cell.card["attacks"]:
            robust = _accuracy(cell.tensors[attack], labels)
            rows += [
                _identify(cell, replicate, len(labels))
                | {
                    "attack": attack,
                    "eps": cell.card["eps"],
                    "clean_accuracy": clean[replicate],
                    "accuracy": robust[replicate],
                    "change": robust[replicate] - clean[replicate],
                }
                for replicate in range(len(clean))
            ]
    return _table(rows)


def _score(cell: Artefact, images: str) -> list[dict[str, Any]]:
    labels = cell.tensors[f"{images}_labels"]
    return [
        _identify(cell, replicate, len(labels)) | classification_metrics(probabilities, labels)
        for replicate, probabilities in enumerate(cell.tensors[images])
    ]


def _identify(cell: Artefact, replicate: int, n: int) -> dict[str, Any]:
    card = cell.card
    return dict(zip(CELL, (card["model"], card["regime"], replicate, card["weights"], n, card["variant"]), strict=True))


def _accuracy(probabilities: np.ndarray, labels: np.ndarray) -> list[float]:
    return (probabilities.argmax(axis=2) == labels).mean(axis=1).tolist()


def _table(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    return table if len(table) else pd.DataFrame(columns=list(CELL))

"""What every row of a long table begins with."""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.cell_metadata import CellMetadata

SHARED = ("model", "regime", "set", "replicate", "weights", "n")
CELL = (*SHARED, "variant")
ALL_REPLICATES = "all"
RECONSTRUCTED = "reconstructed"
"""Real test images as the autoencoder gives them back."""
SYNTHETIC = "synthetic."
"""Begins the names of a synthetic set's tensors."""


def identify(cell: Artifact, n: int, replicate: int | str = ALL_REPLICATES) -> dict[str, Any]:
    """The columns ``CELL`` of one replicate of ``cell``, or of all of them together, on ``n`` images."""
    known = CellMetadata.of(cell)
    facts = (known.model, known.regime, known.set, replicate, known.weights, n, known.variant)
    return dict(zip(CELL, facts, strict=True))


def synthetic_sets(cell: Artifact) -> list[str]:
    """Names of the synthetic sets that ``cell`` holds tensors of."""
    names = (name.removeprefix(SYNTHETIC) for name in cell.tensors if name.startswith(SYNTHETIC))
    return [name for name in names if not name.endswith(("_labels", "_index"))]


def as_table(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """``rows`` as a table; without rows it still has the columns ``CELL`` and ``columns``."""
    table = pd.DataFrame(rows)
    return table if len(table) else pd.DataFrame(columns=[*CELL, *columns])


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """``table`` row by row, values by column."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]

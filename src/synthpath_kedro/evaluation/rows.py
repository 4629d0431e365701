"""What every row of a long table begins with."""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from synthpath_kedro.data.artifact import Artifact

SHARED = ("model", "regime", "replicate", "weights", "n")
CELL = (*SHARED, "variant")
ALL_REPLICATES = "all"
GENERATOR: dict[str, Any] = {"model": "denoiser", "regime": "synthetic", "replicate": 0}


def identify(cell: Artifact, n: int, replicate: int | str = ALL_REPLICATES) -> dict[str, Any]:
    """The columns ``CELL`` of one replicate of ``cell``, or of all of them together, on ``n`` images."""
    card = cell.card
    return dict(zip(CELL, (card["model"], card["regime"], replicate, card["weights"], n, card["variant"]), strict=True))


def lead_with_shared(table: pd.DataFrame) -> pd.DataFrame:
    """``table`` with the columns ``SHARED`` in front, so that tables of cells and of the generator can be stacked."""
    return table[[*SHARED, *(column for column in table if column not in SHARED)]]


def as_table(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """``rows`` as a table; without rows it still has the columns ``CELL`` and ``columns``."""
    table = pd.DataFrame(rows)
    return table if len(table) else pd.DataFrame(columns=[*CELL, *columns])


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """``table`` row by row, values by column."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]

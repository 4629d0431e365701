"""How a laid-out table reads: which columns name the row, which are facts about it, and what a value consists of."""

import re
from typing import NamedTuple

import pandas as pd

STUDY = ", study"
ROW_NAMES = ("model", "regime")
FACTS = ("variant", "weights", "n", "replicates", "eps")

_MEAN_AND_SPREAD = re.compile(r"([+-]?)(\d+\.\d+) ± (\d+\.\d+)")


class ValueLines(NamedTuple):
    """A value as two lines that stand under each other.

    Attributes:
        means: "0.852 / 0.846 / 0.988", or "0.852 (+0.010)".
        spreads: "±.004 / ±.005 / ±.001", or "±.004 (±0.003)": as wide as the means; empty for one replicate.
    """

    means: str
    spreads: str


def row_names(table: pd.DataFrame) -> list[str]:
    """The columns of ``table`` that name per row."""
    return [column for column in ROW_NAMES if column in table]


def facts(table: pd.DataFrame) -> list[str]:
    """The columns of ``table`` that say how a row was made."""
    return [column for column in FACTS if column in table]


def values(table: pd.DataFrame) -> list[str]:
    """The columns of ``table`` that hold results of ours."""
    return [column for column in map(str, table) if column not in (*ROW_NAMES, *FACTS) and not column.endswith(STUDY)]


def split_spread(text: str) -> ValueLines:
    """Takes every "mean ± sd" in ``text`` apart."""
    if not _MEAN_AND_SPREAD.search(text):
        return ValueLines(text, "")
    return ValueLines(_MEAN_AND_SPREAD.sub(r"\1\2", text), _MEAN_AND_SPREAD.sub(_spread_as_wide_as_mean, text))


def _spread_as_wide_as_mean(match: re.Match[str]) -> str:
    sign, _, spread = match.groups()
    return f"±{spread}" if sign else f"±{spread.removeprefix('0')}"

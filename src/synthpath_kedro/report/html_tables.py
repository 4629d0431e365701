"""Tables as the page shows them: rows of cells whose every text is ready to print."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synthpath_kedro.report import layout
from synthpath_kedro.report.tables import LEFT_OUT, NOT_RUN, NOT_TRAINED, RANDOM_WEIGHTS


class Value(NamedTuple):
    header: str
    means: str
    spreads: str
    study: str
    missing: bool


class Fact(NamedTuple):
    name: str
    text: str
    warn: bool


class Row(NamedTuple):
    """A row of table 4.1, 4.2 or 4.3.

    Attributes:
        model: name in print.
        continues: the row above is about the same model.
        regime: of table 4.3, else empty.
        facts: what is known of the model's cells, empty where the row above says the same.
        values: ours and the study's.
    """

    model: str
    continues: bool
    regime: str
    facts: list[Fact]
    values: list[Value]


class LaidOutTable(NamedTuple):
    headers: list[str]
    has_regime: bool
    rows: list[Row]


class PlainTable(NamedTuple):
    headers: list[str]
    numeric: list[bool]
    rows: list[list[str]]


def laid_out(table: pd.DataFrame) -> LaidOutTable:
    """A table that ``tables`` laid out."""
    headers, rows = layout.values(table), []
    model, facts = None, None
    for _, row in table.iterrows():
        its_facts = _facts(row, layout.facts(table))
        continues = row["model"] == model
        shown = [] if continues and its_facts == facts else its_facts
        rows.append(Row(row["model"], continues, row.get("regime", ""), shown, [_value(row, name) for name in headers]))
        model, facts = row["model"], its_facts
    return LaidOutTable(headers, "regime" in table, rows)


def plain(table: pd.DataFrame) -> PlainTable:
    """Any other table: numbers with three decimals at most, counts with thousands apart."""
    numeric = [pd.api.types.is_numeric_dtype(table[column]) for column in table]
    rows = [[_text(value) for value in row] for row in table.itertuples(index=False)]
    return PlainTable([str(column).replace("_", " ") for column in table], numeric, rows)


def flattened(block: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Dotted keys and exact values of a nested mapping."""
    for key, value in block.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _exact(value)


def _facts(row: pd.Series, columns: list[str]) -> list[Fact]:
    return [Fact(column, row[column], RANDOM_WEIGHTS in row[column]) for column in columns if row[column]]


def _value(row: pd.Series, header: str) -> Value:
    text = row[header]
    means, spreads = layout.split_spread(text)
    return Value(header, means, spreads, row.get(header + layout.STUDY, ""), text in (LEFT_OUT, NOT_TRAINED, NOT_RUN))


def _exact(value: Any) -> str:
    match value:
        case None | bool():
            return _text(value)
        case list() | tuple():
            return ", ".join(map(_exact, value))
        case _:
            return str(value)


def _text(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool() | np.bool_():
            return "yes" if value else "no"
        case int() | np.integer():
            return f"{value:,}"
        case float() | np.floating():
            return _number(float(value))
        case list() | tuple():
            return ", ".join(map(_text, value))
        case _:
            return str(value)


def _number(value: float) -> str:
    if np.isnan(value):
        return ""
    return f"{value:.3f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.3g}"

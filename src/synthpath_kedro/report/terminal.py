"""A laid-out table for a terminal of 100 columns."""

from io import StringIO

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from synthpath_kedro.report import layout

WIDTH = 100


def as_text(table: pd.DataFrame, title: str | None = None, note: str | None = None) -> str:
    """``table`` (4.1, 4.2 or 4.3) as plain text of at most 100 columns.

    A row takes up to three lines: our means, their standard deviations, the study's values. Variants, weights and
    counts follow below the table, one line each.

    Args:
        table: as ``table_4_1`` and its sisters lay it out.
        title: a line above.
        note: a line below, such as that the data is a phantom.
    """
    names, values = layout.row_names(table), layout.values(table)
    grid = Table(*names, "", *values, box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for _, row in table.iterrows():
        for number, (kind, cells) in enumerate(_lines(row, values).items()):
            grid.add_row(*(Text(row[name] if number == 0 else "") for name in names), kind, *map(_unbroken, cells))
    return "\n".join([*filter(None, [title]), _render(grid), *_facts(table), *filter(None, [note])])


def _lines(row: pd.Series, values: list[str]) -> dict[str, list[str]]:
    parts = [layout.split_spread(row[column]) for column in values]
    lines = {
        "ours": [part.means for part in parts],
        "± sd": [part.spreads for part in parts],
        "study": [row.get(column + layout.STUDY, "") for column in values],
    }
    return {kind: cells for kind, cells in lines.items() if kind == "ours" or any(cells)}


def _facts(table: pd.DataFrame) -> list[str]:
    lines: dict[str, None] = {}
    for _, row in table.iterrows():
        facts = [
            row[column] if column in ("variant", "weights") else f"{column} {row[column]}"
            for column in layout.facts(table)
            if row[column]
        ]
        if facts:
            lines[f"{row['model']}: {', '.join(facts)}"[:WIDTH]] = None
    return list(lines)


def _unbroken(text: str) -> Text:
    return Text(text, no_wrap=True)


def _render(grid: Table) -> str:
    stream = StringIO()
    Console(file=stream, width=WIDTH, color_system=None, force_terminal=False).print(grid)
    return "\n".join(line.rstrip() for line in stream.getvalue().strip("\n").splitlines())

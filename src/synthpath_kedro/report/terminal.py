"""A table for a terminal of 100 columns."""

from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from synthpath_kedro.report.tables import CellRow, CellTable
from synthpath_kedro.report.values import means_line, published_line, stds_line

WIDTH = 100
_COLUMNS = 3
"""More do not fit beside each other; they follow in a further grid."""

_WITHOUT_NAME = ("variant", "weights")


def as_text(table: CellTable, title: str | None = None, note: str | None = None) -> str:
    """``table`` (4.1, 4.2 or 4.3) as plain text of at most 100 columns.

    A row takes up to three lines: our means, their standard deviations, the published values. Variants, weights and
    counts follow below the table, one line each.

    Args:
        table: as ``table_4_1`` and its sisters make it.
        title: a line above.
        note: a line below, such as that the data is a phantom.
    """
    bands = [table.columns[start : start + _COLUMNS] for start in range(0, len(table.columns), _COLUMNS)]
    grids = [_grid(table, columns) for columns in bands]
    return "\n".join([*filter(None, [title]), *grids, *_facts(table), *filter(None, [note])])


def _grid(table: CellTable, columns: tuple[str, ...]) -> str:
    names = ["model", "regime"] if table.by_training else ["model"]
    grid = Table(*names, "", *columns, box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for row in table.rows:
        named = [row.model, row.training] if table.by_training else [row.model]
        for number, (kind, cells) in enumerate(_lines(row, columns).items()):
            grid.add_row(*(Text(name if number == 0 else "") for name in named), kind, *map(_unbroken, cells))
    return _render(grid)


def _lines(row: CellRow, columns: tuple[str, ...]) -> dict[str, list[str]]:
    values = [row.values[name] for name in columns]
    lines = {
        "ours": [means_line(value) for value in values],
        "± sd": [stds_line(value) for value in values],
        "paper": [published_line(value) for value in values],
    }
    return {kind: cells for kind, cells in lines.items() if kind == "ours" or any(cells)}


def _facts(table: CellTable) -> list[str]:
    lines: dict[str, None] = {}
    for row in table.rows:
        facts = [fact if name in _WITHOUT_NAME else f"{name} {fact}" for name, fact in row.facts.items() if fact]
        if facts:
            lines[f"{row.model}: {', '.join(facts)}"[:WIDTH]] = None
    return list(lines)


def _unbroken(text: str) -> Text:
    return Text(text, no_wrap=True)


def _render(grid: Table) -> str:
    stream = StringIO()
    Console(file=stream, width=WIDTH, color_system=None, force_terminal=False).print(grid)
    return "\n".join(line.rstrip() for line in stream.getvalue().strip("\n").splitlines())

"""A report's tables: rows of values that become text at the page, the terminal and the CSV."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from synthpath_kedro.report.values import Changed, Scores, published_line, text

if TYPE_CHECKING:
    import pandas as pd

PUBLISHED = ", published"
"""Behind the name of a CSV's column of published numbers."""


@dataclass(frozen=True)
class CellRow:
    """A row of table 4.1, 4.2 or 4.3.

    Attributes:
        model: its name in print.
        training: what it was trained on, in print; empty where columns say so.
        facts: what is known of its cells: variant, weights, n, replicates, eps; empty texts are left out.
        warnings: names of the facts that stand in red.
        values: by column.
    """

    model: str
    training: str
    facts: Mapping[str, str]
    warnings: frozenset[str]
    values: Mapping[str, Scores | Changed]


@dataclass(frozen=True)
class CellTable:
    """Table 4.1, 4.2 or 4.3: a cell's results beside the published ones.

    Attributes:
        columns: names of the values.
        rows: model by model.
        by_training: each row is about one training.
        title: a few words; empty where the section's says enough.
        caption: a sentence above the table.
    """

    columns: tuple[str, ...]
    rows: tuple[CellRow, ...]
    by_training: bool = False
    title: str = ""
    caption: str = ""

    @property
    def facts(self) -> tuple[str, ...]:
        """Names of the facts of any row."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.facts))


@dataclass(frozen=True)
class PlainTable:
    """Any other table.

    Attributes:
        columns: headers.
        rows: values, see ``values``.
        title: a few words; empty where the section's says enough.
        caption: a sentence above the table.
        folded: it is long, so that the page shows it on a click.
        facts: a list of names and values, without a header.
        opens: numbers of the rows that a line stands above.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    title: str = ""
    caption: str = ""
    folded: bool = False
    facts: bool = False
    opens: frozenset[int] = frozenset()


Table = CellTable | PlainTable


def plain_table(rows: Iterable[Mapping[str, Any]], **attributes: Any) -> PlainTable:
    """A table of ``rows`` that all have the same columns."""
    found = list(rows)
    columns = tuple(found[0]) if found else ()
    return PlainTable(columns, tuple(tuple(row[name] for name in columns) for row in found), **attributes)


def facts_table(facts: Iterable[tuple[str, Any]], **attributes: Any) -> PlainTable:
    """A list of names and values."""
    return PlainTable(("", ""), tuple(facts), facts=True, **attributes)


def flattened(block: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Dotted keys and values of a nested mapping."""
    for key, value in block.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def to_csv_table(table: CellTable) -> "pd.DataFrame":
    """``table`` as text: our values, and the published ones in columns that end in ``PUBLISHED``."""
    import pandas as pd

    rows = []
    for row in table.rows:
        texts = {"model": row.model} | ({"regime": row.training} if table.by_training else {})
        texts |= {name: row.facts.get(name, "") for name in table.facts}
        for name in table.columns:
            texts |= {name: text(row.values[name]), name + PUBLISHED: published_line(row.values[name])}
        rows.append(texts)
    return pd.DataFrame(rows)


def without_repeats(rows: Sequence[CellRow]) -> list[tuple[bool, Mapping[str, str]]]:
    """For each row whether it goes on with the model above it, and those facts that this one does not state already."""
    found: list[tuple[bool, Mapping[str, str]]] = []
    model, facts = None, None
    for row in rows:
        continues = row.model == model
        found.append((continues, {} if continues and row.facts == facts else row.facts))
        model, facts = row.model, row.facts
    return found

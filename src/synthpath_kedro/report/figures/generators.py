"""Generators side by side."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthpath_kedro.report.figures.style import (
    SMALL_SIZE,
    Style,
    blank_figure,
    dress,
    literal,
    name_panel,
    new_figure,
    set_color,
)

_PANELS = {
    "kernel_distance_of_classes": "kernel distance, mean over\nclasses (low is good)",
    "near_duplicates": "near-duplicates, share\n(low is good)",
    "accuracy_alone": "accuracy alone\n(mean over models)",
    "accuracy_mixed": "accuracy with real images\n(mean over models)",
}


def generators(table: pd.DataFrame, title: str = "Generators, ranked", note: str | None = None) -> Figure:
    """A panel per measure, a row per synthetic set, the first in rank above.

    Args:
        table: one row per set, ranked: ``rank, set, kernel_distance_of_classes, near_duplicates, accuracy_alone,
            accuracy_mixed``; a positive control has no rank.
        title: heading.
        note: a warning under the title.
    """
    if table.empty:
        return blank_figure(title, note, "there is no synthetic set")
    figure = new_figure(10.5, 1.6 + 0.45 * len(table), title, note)
    panels = figure.subplots(1, len(_PANELS), sharey=True)
    colors = {name: set_color(number) for number, name in enumerate(sorted(table["set"]))}
    for axes, (column, name) in zip(panels, _PANELS.items(), strict=True):
        _draw(axes, table, column, colors)
        name_panel(axes, name)
    panels[0].set_yticks(range(len(table)), [_row_name(*row) for row in zip(table["set"], table["rank"], strict=True)])
    panels[0].invert_yaxis()
    return figure


def _row_name(name: str, rank: Any) -> str:
    return f"{literal(name)}\n(perfect generator)" if pd.isna(rank) else literal(name)


def _draw(axes: Axes, table: pd.DataFrame, column: str, colors: Mapping[str, str]) -> None:
    dress(axes, grid="x")
    values = table[column].astype(float)
    lengths = values.fillna(0)
    style: Style = {"color": [colors[name] for name in table["set"]], "height": 0.62}
    axes.barh(range(len(table)), lengths, **style)
    for place, value in enumerate(values):
        text = f" {value:.3f}" if pd.notna(value) else " \N{EN DASH}"
        axes.text(max(lengths[place], 0), place, text, va="center", fontsize=SMALL_SIZE)  # right of a negative bar too
    axes.set_xlim(min(0.0, 1.3 * lengths.min()), max(1.3 * lengths.max(), 1e-3))
    axes.tick_params(axis="y", length=0)

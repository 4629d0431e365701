"""Accuracy of one classifier against the levels of every corruption."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from synthpath_kedro.report.figures.style import add_legend_below, blank_figure, literal, new_panels
from synthpath_kedro.report.labels import (
    corruption_label,
    level_label,
    ordered_corruptions,
    rows_of,
    training_style,
    trainings,
)


def corruption_curves(table: pd.DataFrame, title: str, note: str | None = None) -> Figure:
    """A panel per corruption, a line per training: means over replicates, from the worst to the best in a band.

    Args:
        table: of one classifier, one row per cell, replicate, corruption and level: ``regime, set, replicate,
            corruption, level, clean_accuracy, accuracy``.
        title: heading.
        note: a warning under the title.
    """
    if table.empty:
        return blank_figure(title, note, "no cell was tested on corrupted images")
    corruptions, shown = ordered_corruptions(table["corruption"]), trainings(table)
    figure, panels = new_panels([corruption_label(name) for name in corruptions], title, note)
    for axes, corruption in zip(panels, corruptions, strict=True):
        rows = table[table["corruption"] == corruption]
        levels = list(dict.fromkeys(rows["level"]))
        for training in shown:
            _draw_curve(axes, rows_of(rows, training=training), levels, training_style(training, shown))
        ticks = ["clean", *(level_label(corruption, level) for level in levels)]
        axes.set_xticks(range(len(ticks)), [literal(tick) for tick in ticks])
        axes.set(ylim=(-0.03, 1.03), xlim=(-0.3, len(levels) + 0.3))
    for axes in panels[::3]:
        axes.set_ylabel("accuracy")
    handles = [Line2D([], [], **training_style(training, shown)) for training in shown]
    add_legend_below(figure, handles, [training.label for training in shown])
    return figure


def _draw_curve(axes: Axes, cell: pd.DataFrame, levels: list[float], style: Mapping[str, Any]) -> None:
    clean = cell.drop_duplicates("replicate")["clean_accuracy"]
    columns = [clean, *(cell.loc[cell["level"] == level, "accuracy"] for level in levels)]
    places = np.arange(len(columns))
    low, mean, high = ([getattr(values, name)() for values in columns] for name in ("min", "mean", "max"))
    axes.fill_between(places, low, high, color=style["color"], alpha=0.15, linewidth=0)
    axes.plot(places, mean, markersize=4, linewidth=1.4, **style)

"""Whether a classifier's confidence matches its accuracy."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from synthpath_kedro.report.figures.style import (
    FAINT,
    add_legend_below,
    blank_figure,
    dress,
    literal,
    name_panel,
    new_figure,
)
from synthpath_kedro.report.labels import model_label, ordered_models, rows_of, training_style, trainings

_PANEL = 2.15
"""Inches."""

_ROWS = {"before": "as trained", "after": "temperature-scaled"}


def reliability(table: pd.DataFrame, title: str = "Reliability", note: str | None = None) -> Figure:
    """Accuracy against confidence, a column per model, before scaling above and after it below.

    A classifier whose confidence is right lies on the diagonal; below it, it is too sure. The larger a marker, the more
    images are in its bin.

    Args:
        table: one row per cell, scaling and bin: ``model, regime, set, scaling`` (before, after), ``n_bin, confidence,
            accuracy``.
        title: heading.
        note: a warning under the title.
    """
    if table.empty:
        return blank_figure(title, note, "no cell has been trained")
    models, trained = ordered_models(table["model"]), trainings(table)
    figure = new_figure(max(5.0, 0.7 + _PANEL * len(models)), 2 * _PANEL + 1.2, title, note)
    panels = figure.subplots(len(_ROWS), len(models), sharex=True, sharey=True, squeeze=False)
    for row, (scaling, name) in zip(panels, _ROWS.items(), strict=True):
        for axes, model in zip(row, models, strict=True):
            axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.9, linestyle=(0, (3, 3)))
            shown = table[(table["model"] == model) & (table["scaling"] == scaling) & (table["n_bin"] > 0)]
            for training in trained:
                _draw_cell(axes, rows_of(shown, training=training), training_style(training, trained))
            dress(axes, grid="both").set(xlim=(0, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        row[0].set_ylabel(f"{name}\naccuracy")
    for axes, model in zip(panels[0], models, strict=True):
        name_panel(axes, literal(model_label(model)))
    for axes in panels[-1]:
        axes.set_xlabel("confidence")
    handles = [Line2D([], [], **training_style(training, trained)) for training in trained]
    labels = [training.label for training in trained]
    add_legend_below(figure, handles, labels)
    return figure


def _draw_cell(axes: Axes, bins: pd.DataFrame, style: Mapping[str, Any]) -> None:
    color, line = style["color"], style["linestyle"]
    axes.plot(bins["confidence"], bins["accuracy"], color=color, linestyle=line, linewidth=1.1, alpha=0.8)
    sizes = 6 + 60 * bins["n_bin"] / max(bins["n_bin"].sum(), 1)
    axes.scatter(bins["confidence"], bins["accuracy"], s=sizes, color=color, marker=style["marker"], linewidths=0)

"""What the training data does to each class, the rare ones first."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from synthpath_kedro.report.figures.style import (
    GRID,
    SMALL_SIZE,
    add_legend_below,
    blank_figure,
    dress,
    literal,
    name_panel,
    new_figure,
    wrapped,
)
from synthpath_kedro.report.labels import Training, model_label, ordered_models, point_style, rows_of, trainings


def f1_by_class(
    per_class: pd.DataFrame,
    distribution: pd.DataFrame,
    subsampled: tuple[str, ...] = (),
    title: str = "F1 by class, rare classes first",
    note: str | None = None,
) -> Figure:
    """A column per model, a row per class in order of its training images; a mark per regime: the mean over replicates.

    Args:
        per_class: one row per cell, replicate and class: ``model, regime, set, replicate, class, f1``.
        distribution: ``class, train``, the number of training images.
        subsampled: classes that were subsampled on purpose; their names are marked.
        title: heading.
        note: a warning under the title.
    """
    if per_class.empty:
        return blank_figure(title, note, "no cell has been trained")
    models, shown = ordered_models(per_class["model"]), trainings(per_class)
    counts = distribution.set_index("class")["train"].sort_values(kind="stable")
    figure = new_figure(2.6 + 1.9 * len(models), 1.7 + 0.36 * len(counts), title, note)
    panels = figure.subplots(1, len(models), sharex=True, sharey=True, squeeze=False)[0]
    for axes, model in zip(panels, models, strict=True):
        _draw(axes, rows_of(per_class, model), list(counts.index), shown)
        name_panel(axes, literal(model_label(model)))
        axes.set_xlabel("F1")
    marks = [" (subsampled)" if name in subsampled else "" for name in counts.index]
    names = [
        wrapped(f"{name}{mark}, n = {count:,}", 36) for (name, count), mark in zip(counts.items(), marks, strict=True)
    ]
    panels[0].set_yticks(range(len(counts)), names, fontsize=SMALL_SIZE)
    panels[0].invert_yaxis()
    handles = [Line2D([], [], ls="", **point_style(training, shown)) for training in shown]
    labels = [training.label for training in shown]
    add_legend_below(figure, handles, labels)
    return figure


def _draw(axes: Axes, rows_of_model: pd.DataFrame, classes: list[str], shown: list[Training]) -> None:
    dress(axes, grid="x").set_xlim(-0.03, 1.03)
    by_training = {training: rows_of(rows_of_model, training=training) for training in shown}
    means = {
        training: cell.groupby("class")["f1"].mean().reindex(classes).to_numpy()
        for training, cell in by_training.items()
        if len(cell)
    }
    values, rows = np.array(list(means.values())), np.arange(len(classes))
    axes.hlines(rows, values.min(axis=0), values.max(axis=0), color=GRID, linewidth=3, zorder=1)
    for training, own in means.items():
        axes.scatter(own, rows, s=30, alpha=0.85, zorder=3, **point_style(training, shown))
    axes.tick_params(axis="y", length=0)

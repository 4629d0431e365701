"""What the training data does to each class, the rare ones first."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from synthpath_kedro.report.figures.style import (
    GRID,
    SMALL_SIZE,
    add_legend,
    blank_figure,
    dress,
    literal,
    name_panel,
    new_figure,
    regime_color,
    regime_marker,
    wrapped,
)
from synthpath_kedro.report.labels import model_label, ordered_models, ordered_regimes


def f1_by_class(
    per_class: pd.DataFrame,
    distribution: pd.DataFrame,
    subsampled: tuple[str, ...] = (),
    title: str = "F1 by class, rare classes first",
    note: str | None = None,
) -> Figure:
    """A column per model, a row per class in order of its training images; a mark a regime at the mean over replicates.

    Args:
        per_class: one row per cell, replicate and class: ``model, regime, replicate, class, f1``.
        distribution: ``class, train``, the number of training images.
        subsampled: classes that were subsampled on purpose; their names are marked.
        title: heading.
        note: a warning under the title.
    """
    if per_class.empty:
        return blank_figure(title, note, "no cell has been trained")
    models, regimes = ordered_models(per_class["model"]), ordered_regimes(per_class["regime"])
    counts = distribution.set_index("class")["train"].sort_values(kind="stable")
    figure = new_figure(2.6 + 1.9 * len(models), 1.7 + 0.36 * len(counts), title, note)
    panels = figure.subplots(1, len(models), sharex=True, sharey=True, squeeze=False)[0]
    means = per_class.groupby(["model", "regime", "class"])["f1"].mean()
    for axes, model in zip(panels, models, strict=True):
        _draw(axes, means[model], list(counts.index), regimes)
        name_panel(axes, literal(model_label(model)))
        axes.set_xlabel("F1")
    marks = [" (subsampled)" if name in subsampled else "" for name in counts.index]
    names = [
        wrapped(f"{name}{mark}, n = {count:,}", 36) for (name, count), mark in zip(counts.items(), marks, strict=True)
    ]
    panels[0].set_yticks(range(len(counts)), names, fontsize=SMALL_SIZE)
    panels[0].invert_yaxis()
    handles = [Line2D([], [], ls="", marker=regime_marker(regime), color=regime_color(regime)) for regime in regimes]
    add_legend(figure, handles, regimes, loc="outside lower center", ncols=3)
    return figure


def _draw(axes: Axes, means: pd.Series, classes: list[str], regimes: list[str]) -> None:
    dress(axes, grid="x").set_xlim(-0.03, 1.03)
    trained = [regime for regime in regimes if regime in means.index]
    values = np.array([means[regime].reindex(classes).to_numpy() for regime in trained])
    rows = np.arange(len(classes))
    axes.hlines(rows, values.min(axis=0), values.max(axis=0), color=GRID, linewidth=3, zorder=1)
    for regime, own in zip(trained, values, strict=True):
        axes.scatter(own, rows, marker=regime_marker(regime), color=regime_color(regime), s=30, alpha=0.85, zorder=3)
    axes.tick_params(axis="y", length=0)

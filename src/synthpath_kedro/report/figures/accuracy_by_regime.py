"""What the training data does to accuracy."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthpath_kedro.report.figures.style import (
    FAINT,
    INK,
    SMALL_SIZE,
    Style,
    blank_figure,
    dress,
    literal,
    name_panel,
    new_figure,
)
from synthpath_kedro.report.labels import (
    Training,
    model_label,
    ordered_models,
    point_style,
    rows_of,
    training_label,
    trainings,
)
from synthpath_kedro.study.grid import Cell

_WIDTH, _ROW, _MARGIN, _PANEL_MARGIN = 8.0, 0.24, 1.1, 0.42
"""Inches: of the figure, of a cell, of title and axis, of a model's name."""


def accuracy_by_regime(
    classification: pd.DataFrame,
    missing: Sequence[Cell] = (),
    title: str = "Accuracy by training data",
    note: str | None = None,
) -> Figure:
    """Accuracy on the real test set: a panel per model, a row per cell, a point per replicate, a bar at the mean.

    Args:
        classification: one row per cell and replicate: ``model, regime, set, replicate, accuracy``.
        missing: cells of the study that have not been trained; they have a row that says so.
        title: heading.
        note: a warning under the title.
    """
    if classification.empty:
        return blank_figure(title, note, "no cell has been trained")
    models, shown = ordered_models(classification["model"]), trainings(classification)
    rows = {model: _rows(classification, missing, model, shown) for model in models}
    heights = [len(of_model) for of_model in rows.values()]
    figure = new_figure(_WIDTH, _MARGIN + _PANEL_MARGIN * len(models) + _ROW * sum(heights), title, note)
    panels = figure.subplots(len(models), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (model, of_model) in zip(panels, rows.items(), strict=True):
        name_panel(dress(axes, grid="x"), literal(model_label(model)))
        for place, training in enumerate(of_model):
            cell = rows_of(classification, model, training)
            _draw_cell(axes, place, cell["accuracy"], point_style(training, shown))
        axes.set_yticks(range(len(of_model)), [literal(training.label) for training in of_model])
        axes.set_ylim(len(of_model) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
    panels[-1].set_xlabel("accuracy, real test set")
    return figure


def _rows(
    classification: pd.DataFrame, missing: Sequence[Cell], model: str, shown: Sequence[Training]
) -> list[Training]:
    """What the model was trained on, then what it has yet to be trained on."""
    trained = [training for training in shown if len(rows_of(classification, model, training))]
    untrained = [
        Training(cell.regime, cell.set, training_label(cell.regime, cell.set, several_sets=cell.several_sets))
        for cell in missing
        if cell.model == model
    ]
    return [*trained, *untrained]


def _draw_cell(axes: Axes, place: float, accuracies: pd.Series, marks: Mapping[str, Any]) -> None:
    if accuracies.empty:
        style: Style = {"fontsize": SMALL_SIZE, "color": FAINT, "ha": "left", "va": "center"}
        axes.text(0.01, place, "not trained", transform=axes.get_yaxis_transform(), **style)
        return
    shifts = np.linspace(-0.14, 0.14, len(accuracies)) if len(accuracies) > 1 else np.zeros(1)
    points: Style = {"s": 34, "linewidths": 0.6, "alpha": 0.75, "edgecolors": "white", "zorder": 3}
    axes.scatter(accuracies, place + shifts, **points, **marks)
    axes.vlines(accuracies.mean(), place - 0.36, place + 0.36, color=INK, linewidth=2, zorder=4)

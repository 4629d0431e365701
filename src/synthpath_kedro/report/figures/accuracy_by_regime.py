"""What the training data does to accuracy."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from synthpath_kedro.report.figures.style import (
    FAINT,
    INK,
    SMALL_SIZE,
    TEXT_SIZE,
    Style,
    add_legend_below,
    blank_figure,
    dress,
    literal,
    new_figure,
)
from synthpath_kedro.report.labels import model_label, ordered_models, point_style, rows_of, trainings

_WIDTH = 0.66
"""Share of a model's place that its regimes fill."""


def accuracy_by_regime(
    classification: pd.DataFrame, title: str = "Accuracy by training data", note: str | None = None
) -> Figure:
    """Accuracy on the real test set: a point per replicate, a bar at the mean, colors and shapes by regime.

    Args:
        classification: one row per cell and replicate: ``model, regime, set, replicate, accuracy``.
        title: heading.
        note: a warning under the title.
    """
    if classification.empty:
        return blank_figure(title, note, "no cell has been trained")
    models, shown = ordered_models(classification["model"]), trainings(classification)
    figure = new_figure(max(6.0, 1.2 + max(1.65, 0.45 * len(shown)) * len(models)), 4.4, title, note)
    axes = dress(figure.add_subplot())
    step = _WIDTH / len(shown)
    for place, model in enumerate(models):
        for number, training in enumerate(shown):
            cell = rows_of(classification, model, training)
            center = place + (number - (len(shown) - 1) / 2) * step
            _draw_cell(axes, center, step, cell["accuracy"], point_style(training, shown))
    axes.set_xticks(range(len(models)), [literal(model_label(model)) for model in models], fontsize=TEXT_SIZE)
    axes.tick_params(axis="x", length=0)
    axes.set(ylabel="accuracy, real test set", xlim=(-0.6, len(models) - 0.4))
    handles = [Line2D([], [], ls="", **point_style(training, shown)) for training in shown]
    handles.append(Line2D([], [], color=INK, linewidth=2))
    labels = [*(training.label for training in shown), "mean"]
    add_legend_below(figure, handles, labels)
    return figure


def _draw_cell(axes: Axes, place: float, step: float, accuracies: pd.Series, marks: Mapping[str, Any]) -> None:
    if accuracies.empty:
        style: Style = {"rotation": 90, "fontsize": SMALL_SIZE, "color": FAINT, "ha": "center", "va": "bottom"}
        axes.text(place, 0.02, "not trained", transform=axes.get_xaxis_transform(), **style)
        return
    shifts = np.linspace(-0.18, 0.18, len(accuracies)) * step if len(accuracies) > 1 else [0]
    points: Style = {"s": 46, "linewidths": 0.6, "alpha": 0.75, "edgecolors": "white", "zorder": 3}
    axes.scatter(place + np.asarray(shifts), accuracies, **points, **marks)
    axes.hlines(accuracies.mean(), place - 0.36 * step, place + 0.36 * step, color=INK, linewidth=2, zorder=4)

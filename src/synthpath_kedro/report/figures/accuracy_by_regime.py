"""What the training data does to accuracy."""

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
    add_legend,
    blank_figure,
    dress,
    literal,
    new_figure,
    regime_color,
    regime_marker,
)
from synthpath_kedro.report.labels import model_label, ordered_models, ordered_regimes

_WIDTH = 0.66
"""Share of a model's place that its regimes fill."""


def accuracy_by_regime(
    classification: pd.DataFrame, title: str = "Accuracy by training data", note: str | None = None
) -> Figure:
    """Accuracy on the real test set: a point per replicate, a bar at the mean, colors and shapes by regime.

    Args:
        classification: one row per cell and replicate: ``model, regime, replicate, accuracy``.
        title: heading.
        note: a warning under the title.
    """
    if classification.empty:
        return blank_figure(title, note, "no cell has been trained")
    models, regimes = ordered_models(classification["model"]), ordered_regimes(classification["regime"])
    figure = new_figure(max(6.0, 1.2 + 1.65 * len(models)), 4.4, title, note)
    axes = dress(figure.add_subplot())
    step = _WIDTH / len(regimes)
    for place, model in enumerate(models):
        for number, regime in enumerate(regimes):
            cell = classification[(classification["model"] == model) & (classification["regime"] == regime)]
            _draw_cell(axes, place + (number - (len(regimes) - 1) / 2) * step, step, cell["accuracy"], regime)
    axes.set_xticks(range(len(models)), [literal(model_label(model)) for model in models], fontsize=TEXT_SIZE)
    axes.tick_params(axis="x", length=0)
    axes.set(ylabel="accuracy, real test set", xlim=(-0.6, len(models) - 0.4))
    handles = [Line2D([], [], ls="", marker=regime_marker(regime), color=regime_color(regime)) for regime in regimes]
    handles.append(Line2D([], [], color=INK, linewidth=2))
    add_legend(figure, handles, [*regimes, "mean"], loc="outside lower center", ncols=4)
    return figure


def _draw_cell(axes: Axes, place: float, step: float, accuracies: pd.Series, regime: str) -> None:
    if accuracies.empty:
        style: Style = {"rotation": 90, "fontsize": SMALL_SIZE, "color": FAINT, "ha": "center", "va": "bottom"}
        axes.text(place, 0.02, "not trained", transform=axes.get_xaxis_transform(), **style)
        return
    spread = np.linspace(-0.18, 0.18, len(accuracies)) * step if len(accuracies) > 1 else [0]
    points: Style = {
        "marker": regime_marker(regime),
        "color": regime_color(regime),
        "alpha": 0.75,
        "edgecolors": "white",
    }
    axes.scatter(place + np.asarray(spread), accuracies, s=46, linewidths=0.6, zorder=3, **points)
    axes.hlines(accuracies.mean(), place - 0.36 * step, place + 0.36 * step, color=INK, linewidth=2, zorder=4)

"""Accuracy against the number of real training images, and what synthetic ones are worth there."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from synthpath_kedro.report.figures.style import (
    SMALL_SIZE,
    Style,
    add_legend_below,
    blank_figure,
    log_scale,
    new_panels,
)
from synthpath_kedro.report.labels import (
    model_label,
    ordered_models,
    rows_of,
    training_style,
    trainings,
    worth_label,
)


def learning_curve(
    intervals: pd.DataFrame,
    worth: pd.DataFrame,
    title: str = "Accuracy by number of real images",
    note: str | None = None,
) -> Figure:
    """A panel per model, a line per training with 95 % intervals; numbers say what synthetic images are worth.

    Args:
        intervals: one row per cell and number of images: ``model, regime, set, n_train, accuracy, ci_low, ci_high``.
        worth: likewise ``model, regime, set, n_train, worth, least, most``.
        title: heading.
        note: a warning under the title.
    """
    if intervals.empty:
        return blank_figure(title, note, "no classifier has been trained")
    models, shown = ordered_models(intervals["model"]), trainings(intervals)
    figure, panels = new_panels([model_label(model) for model in models], title, note)
    for axes, model in zip(panels, models, strict=True):
        for training in shown:
            style = dict(training_style(training, shown))
            own = rows_of(intervals, model, training).sort_values("n_train")
            errors = [(own["accuracy"] - own["ci_low"]).clip(0), (own["ci_high"] - own["accuracy"]).clip(0)]
            axes.errorbar(own["n_train"], own["accuracy"], errors, capsize=3, **style)
            _write_worth(axes, own, rows_of(worth, model, training), style["color"])
        log_scale(axes, sorted(intervals["n_train"].unique()), "real training images")
    panels[0].set_ylabel("accuracy, test images")
    handles = [Line2D([], [], **training_style(training, shown)) for training in shown]
    add_legend_below(figure, handles, [training.label for training in shown])
    return figure


def _write_worth(axes: Axes, curve: pd.DataFrame, worth: pd.DataFrame, color: str) -> None:
    heights = dict(zip(curve["n_train"], curve["ci_high"], strict=True))
    for n, k, least, most in worth[["n_train", "worth", "least", "most"]].itertuples(index=False):
        place: Style = {"xytext": (0, 5), "textcoords": "offset points", "ha": "center", "fontsize": SMALL_SIZE - 1}
        axes.annotate(worth_label(k, least, most), (n, heights[n]), color=color, **place)

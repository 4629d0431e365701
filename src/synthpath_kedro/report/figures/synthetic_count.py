"""Accuracy against the number of synthetic images, at the same number of optimizer steps."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from synthpath_kedro.report.figures.style import add_legend_below, blank_figure, log_scale, new_panels
from synthpath_kedro.report.labels import Training, model_label, ordered_models, rows_of, training_style, trainings


def synthetic_count(
    scores: pd.DataFrame, title: str = "Accuracy by number of synthetic images", note: str | None = None
) -> Figure:
    """A panel per model: a line per training at the mean over replicates, a point per replicate.

    Trainings without synthetic images are level lines.

    Args:
        scores: one row per cell, count and replicate: ``model, regime, set, n_synthetic, replicate, accuracy``.
        title: heading.
        note: a warning under the title.
    """
    counts = sorted(scores.loc[scores["set"] != "", "n_synthetic"].unique())
    if not counts:
        return blank_figure(title, note, "no classifier has been trained")
    models, shown = ordered_models(scores["model"]), trainings(scores)
    figure, panels = new_panels([model_label(model) for model in models], title, note)
    for axes, model in zip(panels, models, strict=True):
        for training in shown:
            _draw(axes, rows_of(scores, model, training), training, shown)
        log_scale(axes, counts, "synthetic images to train on")
    panels[0].set_ylabel("accuracy, test images")
    handles = [Line2D([], [], **training_style(training, shown)) for training in shown]
    add_legend_below(figure, handles, [training.label for training in shown])
    return figure


def _draw(axes: Axes, own: pd.DataFrame, training: Training, shown: list[Training]) -> None:
    style = dict(training_style(training, shown))
    means = own.groupby("n_synthetic")["accuracy"].mean()
    if not training.set:
        for level in means:
            axes.axhline(level, color=style["color"], linestyle=style["linestyle"])
        return
    axes.plot(means.index, means, **style)
    axes.scatter(own["n_synthetic"], own["accuracy"], color=style["color"], s=14, alpha=0.5, linewidths=0)

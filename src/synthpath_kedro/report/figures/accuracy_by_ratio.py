"""What the share of synthetic images does to accuracy."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from synthpath_kedro.report.figures.style import (
    TEXT_SIZE,
    add_legend,
    blank_figure,
    class_color,
    class_marker,
    dress,
    new_figure,
)
from synthpath_kedro.report.labels import model_label, ordered_models


def accuracy_by_ratio(
    scores: pd.DataFrame, title: str = "Accuracy by share of synthetic images", note: str | None = None
) -> Figure:
    """A line per model at the mean over replicates, a point per replicate.

    Args:
        scores: one row per model, ratio and replicate: ``model, ratio, replicate, accuracy``.
        title: heading.
        note: a warning under the title.
    """
    if scores.empty:
        return blank_figure(title, note, "no classifier has been trained")
    figure = new_figure(6.8, 4.6, title, note)
    axes = dress(figure.add_subplot())
    lines, models = [], ordered_models(scores["model"])
    for number, model in enumerate(models):
        own = scores[scores["model"] == model]
        means = own.groupby("ratio")["accuracy"].mean()
        color, marker = class_color(number), class_marker(number)
        lines += axes.plot(means.index, means, color=color, marker=marker, markersize=7, linewidth=1.6)
        axes.scatter(own["ratio"], own["accuracy"], color=color, marker=marker, s=14, alpha=0.5, linewidths=0)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xticks(sorted(scores["ratio"].unique()))
    axes.set_xlabel("synthetic share of every batch", fontsize=TEXT_SIZE)
    axes.set_ylabel("accuracy, real test set", fontsize=TEXT_SIZE)
    add_legend(figure, lines, [model_label(model) for model in models], loc="outside lower center", ncols=5)
    return figure

"""Errors among the images that a classifier is most confident of."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from synthpath_kedro.report.figures.style import add_legend_below, blank_figure, new_panels
from synthpath_kedro.report.labels import model_label, ordered_models, rows_of, training_style, trainings


def risk_coverage(table: pd.DataFrame, title: str = "Risk against coverage", note: str | None = None) -> Figure:
    """Share of errors against the share of images that are classified, the most confident first.

    A panel per model, each with its own vertical scale: regimes are compared, not models.

    Args:
        table: one row per cell and coverage: ``model, regime, set, coverage, risk``.
        title: heading.
        note: a warning under the title.
    """
    if table.empty:
        return blank_figure(title, note, "no cell has been trained")
    models, trained = ordered_models(table["model"]), trainings(table)
    figure, panels = new_panels([model_label(model) for model in models], title, note, one_scale=False)
    styles = {
        training: {key: value for key, value in training_style(training, trained).items() if key != "marker"}
        for training in trained
    }
    for axes, model in zip(panels, models, strict=True):
        for training, style in styles.items():
            curve = rows_of(table, model, training)
            axes.plot(curve["coverage"], curve["risk"], linewidth=1.4, **style)
        axes.set(xlim=(table["coverage"].min(), 1), xlabel="share of images classified")
        axes.set_ylim(bottom=0)
    for axes in panels[::3]:
        axes.set_ylabel("share of errors among them")
    add_legend_below(figure, [Line2D([], [], **style) for style in styles.values()], [one.label for one in trained])
    return figure

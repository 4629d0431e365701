"""How the training of every classifier went."""

from typing import Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from synthpath_kedro.report.figures.style import (
    FAINT,
    Style,
    add_legend_below,
    blank_figure,
    dress,
    literal,
    name_panel,
    new_figure,
)
from synthpath_kedro.report.labels import Training, model_label, ordered_models, point_style, rows_of, trainings

_LOSSES: dict[str, Literal[":", "-"]] = {"train_loss": ":", "val_loss": "-"}


def training_history(history: pd.DataFrame, title: str = "Classifier training", note: str | None = None) -> Figure:
    """A column per model: losses above, accuracy on the real validation set below; a line per replicate.

    Args:
        history: one row per epoch: ``model, regime, set, replicate, epoch, train_loss, val_loss, val_accuracy``.
        title: heading.
        note: a warning under the title.
    """
    if history.empty:
        return blank_figure(title, note, "no cell has been trained")
    models, shown = ordered_models(history["model"]), trainings(history)
    figure = new_figure(max(5.5, 1.0 + 2.35 * len(models)), 5.2, title, note)
    panels = figure.subplots(2, len(models), sharex=True, sharey="row", squeeze=False)
    for column, model in enumerate(models):
        _draw_model(list(panels[:, column]), rows_of(history, model), shown)
        name_panel(panels[0, column], literal(model_label(model)))
    panels[0, 0].set_ylabel("loss")
    panels[1, 0].set_ylabel("validation accuracy")
    for axes in panels.flat:
        axes.xaxis.get_major_locator().set_params(integer=True)
        dress(axes)
    handles = [Line2D([], [], color=point_style(training, shown)["color"]) for training in shown]
    handles += [Line2D([], [], color=FAINT, linestyle=_LOSSES[loss]) for loss in _LOSSES]
    labels = [*(training.label for training in shown), "training loss", "validation loss"]
    add_legend_below(figure, handles, labels)
    return figure


def _draw_model(panels: list[Axes], history: pd.DataFrame, shown: list[Training]) -> None:
    losses, accuracy = panels
    for training in shown:
        color = point_style(training, shown)["color"]
        for _, run in rows_of(history, training=training).groupby("replicate"):
            style: Style = {"color": color, "linewidth": 1.1, "alpha": 0.85}
            marker = "o" if len(run) == 1 else ""
            for column, line in _LOSSES.items():
                losses.plot(run["epoch"], run[column], linestyle=line, marker=marker, **style)
            accuracy.plot(run["epoch"], run["val_accuracy"], marker=marker, **style)
    accuracy.set_xlabel("epoch")

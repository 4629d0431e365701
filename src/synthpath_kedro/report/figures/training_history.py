"""How the training of every classifier went."""

from typing import Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from synthpath_kedro.report.figures.style import (
    FAINT,
    Style,
    add_legend,
    blank_figure,
    dress,
    literal,
    name_panel,
    new_figure,
    regime_color,
)
from synthpath_kedro.report.labels import model_label, ordered_models, ordered_regimes

_LOSSES: dict[str, Literal[":", "-"]] = {"train_loss": ":", "val_loss": "-"}


def training_history(history: pd.DataFrame, title: str = "Classifier training", note: str | None = None) -> Figure:
    """A column per model: losses above, accuracy on the real validation set below; a line per replicate.

    Args:
        history: one row per epoch: ``model, regime, replicate, epoch, train_loss, val_loss, val_accuracy``.
        title: heading.
        note: a warning under the title.
    """
    if history.empty:
        return blank_figure(title, note, "no cell has been trained")
    models, regimes = ordered_models(history["model"]), ordered_regimes(history["regime"])
    figure = new_figure(max(5.5, 1.0 + 2.35 * len(models)), 5.2, title, note)
    panels = figure.subplots(2, len(models), sharex=True, sharey="row", squeeze=False)
    for column, model in enumerate(models):
        _draw_model(list(panels[:, column]), history[history["model"] == model], regimes)
        name_panel(panels[0, column], literal(model_label(model)))
    panels[0, 0].set_ylabel("loss")
    panels[1, 0].set_ylabel("validation accuracy")
    for axes in panels.flat:
        axes.xaxis.get_major_locator().set_params(integer=True)
        dress(axes)
    handles = [Line2D([], [], color=regime_color(regime)) for regime in regimes]
    handles += [Line2D([], [], color=FAINT, linestyle=_LOSSES[loss]) for loss in _LOSSES]
    labels = [*regimes, "training loss", "validation loss"]
    add_legend(figure, handles, labels, loc="outside lower center", ncols=5)
    return figure


def _draw_model(panels: list[Axes], history: pd.DataFrame, regimes: list[str]) -> None:
    losses, accuracy = panels
    for regime in regimes:
        for _, run in history[history["regime"] == regime].groupby("replicate"):
            style: Style = {"color": regime_color(regime), "linewidth": 1.1, "alpha": 0.85}
            marker = "o" if len(run) == 1 else ""
            for column, line in _LOSSES.items():
                losses.plot(run["epoch"], run[column], linestyle=line, marker=marker, **style)
            accuracy.plot(run["epoch"], run["val_accuracy"], marker=marker, **style)
    accuracy.set_xlabel("epoch")

"""How the denoiser's training went."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthpath_kedro.report.figures.style import (
    FAINT,
    REAL,
    SYNTHETIC,
    Style,
    add_legend,
    dress,
    new_figure,
)

_PALE = 0.45
_LOSSES = {"train_loss": ("training", REAL.color), "val_loss": ("validation", SYNTHETIC.color)}


def denoiser_loss(history: pd.DataFrame, title: str = "Denoiser training", note: str | None = None) -> Figure:
    """Training and validation loss by epoch, the best validation loss marked, the learning rate below.

    Several denoisers have a line each, those after the first paler.

    Args:
        history: one row per epoch of a denoiser: ``replicate, epoch, train_loss, val_loss, learning_rate``; values
            may be missing.
        title: heading.
        note: a warning under the title.
    """
    figure = new_figure(8, 4.6, title, note)
    losses, rates = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    markers: Style = {"marker": "o", "markersize": 3} if history["epoch"].nunique() < 30 else {}
    lines = []
    for replicate, one in history.groupby("replicate"):
        style: Style = {**markers, "alpha": 1.0 if replicate == 0 else _PALE}
        for column, (_, color) in _LOSSES.items():
            known = one.dropna(subset=[column])
            lines += losses.plot(known["epoch"], known[column], color=color, linewidth=1.6, **style)
        rates.plot(one["epoch"], one["learning_rate"], color=FAINT, linewidth=1.4, **style)
    lines = lines[: len(_LOSSES)]
    labels = [label for label, _ in _LOSSES.values()]
    best = history.dropna(subset=["val_loss"]).nsmallest(1, "val_loss")
    if len(best):
        lines += losses.plot(best["epoch"], best["val_loss"], "o", ms=9, mfc="none", mec=lines[1].get_color(), mew=1.5)
        labels.append(f"best: {best['val_loss'].item():.4g} at epoch {best['epoch'].item():.0f}")
    _use_log_scale_for_wide_ranges(losses, history[list(_LOSSES)].to_numpy(float))
    losses.set_ylabel("loss")
    add_legend(losses, lines, labels, loc="upper right", ncols=3)
    rates.set(xlabel="epoch", ylabel="learning rate", ylim=(0, None))
    rates.xaxis.get_major_locator().set_params(integer=True)
    for axes in (losses, rates):
        dress(axes)
    return figure


def _use_log_scale_for_wide_ranges(axes: Axes, values: np.ndarray) -> None:
    known = values[np.isfinite(values)]
    if known.size and known.min() > 0 and known.max() > 5 * known.min():
        axes.set_yscale("log")

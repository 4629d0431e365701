"""How many images each class has."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from synthpath_kedro.data.distribution import imbalance_ratio
from synthpath_kedro.report.figures.style import SMALL_SIZE, SPLIT_COLORS, add_legend, dress, new_figure, wrapped

_SPLITS = ("train", "val", "test")


def class_distribution(table: pd.DataFrame, title: str = "Class distribution", note: str | None = None) -> Figure:
    """Images per class as bars, split into train, val and test; the imbalance ratio stands in the title.

    Args:
        table: one row per class: ``class, train, val, test, total, share`` (share in [0, 1]).
        title: the imbalance ratio (of the training images) is put behind it.
        note: a warning under the title.
    """
    figure = new_figure(9, 1.6 + 0.42 * len(table), f"{title}: imbalance ratio {imbalance_ratio(table):.1f}", note)
    axes = dress(figure.add_subplot(), grid="x")
    positions, left = np.arange(len(table)), np.zeros(len(table))
    bars = []
    for split in _SPLITS:
        counts = table[split].to_numpy(float)
        bars.append(axes.barh(positions, counts, left=left, height=0.7, color=SPLIT_COLORS[split]))
        left += counts
    labels = [f" {total:,.0f}  ({share:.1%})" for total, share in zip(table["total"], table["share"], strict=True)]
    axes.bar_label(bars[-1], labels, fontsize=SMALL_SIZE)
    axes.set_yticks(positions, [wrapped(str(name), 34) for name in table["class"]])
    axes.invert_yaxis()
    axes.set(xlabel="images", xlim=(0, max(left.max(), 1) * 1.18))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    add_legend(figure, bars, _SPLITS, loc="outside lower center", ncols=len(_SPLITS))
    return figure

"""The classifier's view of real and synthetic images."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from synthpath_kedro.report.figures.style import (
    INK,
    REAL,
    TEXT_SIZE,
    Style,
    add_legend,
    blank_figure,
    class_color,
    class_marker,
    name_panel,
    new_figure,
    set_color,
    strip,
)

REAL_TEST = "real_test"
_WIDTH, _LEGEND_MARK, _LEGEND_CHARACTER = 10.5, 0.65, 0.065
"""Inches: of the figure, of a legend entry's marker and margins, of a character beside it."""


def tsne(points: pd.DataFrame, class_names: Sequence[str], title: str, note: str | None = None) -> Figure:
    """One embedding in two colorings: by class, and real or synthetic.

    The class's number stands at the median of its real points (of all where it has none), so that the left panel reads
    without its colors.

    Args:
        points: one row per image: ``x, y, label, source`` (real_test, or the synthetic set).
        class_names: one a class, in label order.
        title: heading, such as the classifier's name.
        note: a warning under the title.
    """
    if points.empty:
        return blank_figure(title, note, "no image has been embedded")
    longest = max(map(len, class_names)) + 3
    legend_columns = int(np.clip(_WIDTH / (_LEGEND_MARK + longest * _LEGEND_CHARACTER), 1, 5))
    legend_height = 0.2 * -(-len(class_names) // legend_columns)
    figure = new_figure(_WIDTH, 5.3 + legend_height, title, note)
    by_class, by_source = figure.subplots(1, 2)
    shuffled = points.iloc[np.random.default_rng(0).permutation(len(points))]
    _draw_classes(by_class, shuffled, len(class_names))
    _draw_sources(by_source, shuffled)
    handles = [
        Line2D([], [], linestyle="", marker=class_marker(label), color=class_color(label), markersize=7)
        for label in range(len(class_names))
    ]
    labels = [f"{label}  {name}" for label, name in enumerate(class_names)]
    add_legend(figure, handles, labels, loc="outside lower center", ncols=legend_columns)
    return figure


def _draw_classes(axes: Axes, points: pd.DataFrame, n_classes: int) -> None:
    size = _point_size(len(points))
    for label in range(n_classes):
        members = points[points["label"] == label]
        style: Style = {"color": class_color(label), "marker": class_marker(label)}
        axes.scatter(members["x"], members["y"], s=size, alpha=0.7, linewidths=0, **style)
    for label in points["label"].unique():
        members = points[points["label"] == label]
        real = members[members["source"] == REAL_TEST]
        x, y = (real if len(real) else members)[["x", "y"]].median()
        number = axes.text(x, y, str(label), fontsize=TEXT_SIZE + 2, fontweight="bold", color=INK, zorder=5)
        number.set(ha="center", va="center", path_effects=[withStroke(linewidth=3, foreground="white")])
    _finish(axes, "by class")


def _draw_sources(axes: Axes, points: pd.DataFrame) -> None:
    counts = points["source"].value_counts()
    sets = sorted(source for source in counts.index if source != REAL_TEST)
    present = ([REAL_TEST] if REAL_TEST in counts else []) + sets
    colors = {REAL_TEST: REAL.color} | {name: set_color(number) for number, name in enumerate(sets)}
    style: Style = {"c": points["source"].map(colors), "s": _point_size(len(points)), "alpha": 0.55, "linewidths": 0}
    axes.scatter(points["x"], points["y"], **style)
    handles = [Line2D([], [], linestyle="", marker="o", color=colors[source], markersize=7) for source in present]
    names = {REAL_TEST: "real test"} | ({sets[0]: "synthetic"} if len(sets) == 1 else {})
    labels = [f"{names.get(source, source)}, n = {counts[source]:,}" for source in present]
    _finish(axes, "real or synthetic")
    add_legend(axes, handles, labels, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2)


def _finish(axes: Axes, name: str) -> None:
    name_panel(axes, name)
    x, y = np.array(axes.get_xlim()), np.array(axes.get_ylim())
    half = max(np.ptp(x), np.ptp(y)) / 2
    square = np.array([-half, half])
    strip(axes).set(xlim=x.mean() + square, ylim=y.mean() + square, aspect="equal")


def _point_size(n_points: int) -> float:
    """Square points: smaller the more there are, so that 4,000 do not become one blot."""
    return float(np.clip(12_000 / max(n_points, 1), 5, 26))

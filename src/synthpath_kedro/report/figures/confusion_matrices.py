"""Which classes a classifier takes for which."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthpath_kedro.report.figures.style import (
    INK,
    SMALL_SIZE,
    blank_figure,
    literal,
    name_panel,
    new_figure,
    wrapped,
)

_PANEL, _MARGIN, _AXIS = 3.1, 0.4, 0.6
"""Inches: of a matrix, of the title, of a row's names."""

_BESIDE = 3
"""Matrices beside each other; more would be too small to read."""

_COLORS_ONLY = 20
"""Classes from which on a matrix is color alone, without numbers, and not every class is labeled."""

_LABELS = 25
"""Labels of an axis at most."""

_LABEL_CHARACTER, _LABEL_MARGIN, _NAME_CHARACTERS = 0.075, 0.45, 34
"""Inches: of a character of a class name, of the number beside it; characters of a line of a name."""


def confusion_matrices(
    matrices: Mapping[str, Int[np.ndarray, "classes classes"]],
    class_names: Sequence[str],
    title: str,
    note: str | None = None,
) -> Figure:
    """One matrix per regime, at most three beside each other, in percent of each true class.

    From 20 classes on a cell is its color alone, and at most 25 classes are labeled.

    Args:
        matrices: counts by regime; true classes in rows, predicted ones in columns.
        class_names: one a class, in label order.
        title: heading.
        note: a warning under the title.
    """
    if not matrices:
        return blank_figure(title, note, "no cell has been trained")
    names = [wrapped(name, _NAME_CHARACTERS) for name in class_names]
    labels = _LABEL_MARGIN + max(len(line) for name in names for line in name.splitlines()) * _LABEL_CHARACTER
    columns = min(_BESIDE, len(matrices))
    rows = -(-len(matrices) // columns)
    width, height = labels + _PANEL * columns, rows * (_PANEL + _AXIS) + _MARGIN + (0.2 if note else 0)
    figure = new_figure(max(width, 5.0), height, title, note)
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for axes in panels[len(matrices) :]:
        axes.remove()
    for axes, (regime, matrix) in zip(panels, matrices.items(), strict=False):
        _draw_matrix(axes, matrix)
        name_panel(axes, f"trained on {literal(regime)}")
        axes.set_xlabel("predicted class", fontsize=SMALL_SIZE, color=INK)
    shown = _labeled(len(class_names))
    panels[0].set_yticks(shown, [f"{names[place]}  {place}" for place in shown])
    figure.canvas.draw()  # the layout of square panels needs two passes; saving is the second
    return figure


def _draw_matrix(axes: Axes, matrix: np.ndarray) -> None:
    n = matrix.sum(axis=1, keepdims=True)
    share = np.divide(100 * matrix, n, out=np.zeros(matrix.shape), where=n > 0)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=100, aspect="equal")
    size = float(np.clip(70 / len(matrix), 3.5, SMALL_SIZE - 1))
    written = np.argwhere(np.rint(share) > 0) if len(matrix) < _COLORS_ONLY else ()
    for row, column in written:
        color = "white" if share[row, column] > 60 else INK
        axes.text(column, row, f"{share[row, column]:.0f}", ha="center", va="center", fontsize=size, color=color)
    axes.set_xticks(_labeled(len(matrix)))
    axes.tick_params(labelsize=SMALL_SIZE - 1 if len(matrix) < 12 else 5, length=0, labelcolor=INK)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _labeled(n_classes: int) -> range:
    """The classes that are labeled: all, or every second, third, ... of many."""
    return range(0, n_classes, 1 if n_classes < _COLORS_ONLY else -(-n_classes // _LABELS))

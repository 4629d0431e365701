"""Real and synthetic images of every class beside each other."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.report.figures.montage import draw_of_class, montage
from synthpath_kedro.report.figures.style import (
    REAL,
    SMALL_SIZE,
    SYNTHETIC,
    TEXT_SIZE,
    new_figure,
    strip,
    wrapped,
)

_CLASSES_PER_BAND = 5
_TILE = 0.92
"""Inches."""


def real_and_synthetic(
    real: LabeledImages,
    synthetic: LabeledImages,
    per_class: int = 4,
    seed: int = 0,
    title: str = "Real and synthetic images",
    note: str | None = None,
) -> Figure:
    """A column per class: its real images on the left, its synthetic ones on the right.

    More than five classes go on in a further band below.

    Args:
        real: of the same classes as ``synthetic``; the image sizes may differ.
        synthetic: of one synthetic set.
        per_class: images of each kind and class.
        seed: decides which images are drawn.
        title: heading.
        note: a warning under the title.
    """
    n_bands = -(-real.n_classes // _CLASSES_PER_BAND)
    n_columns = -(-real.n_classes // n_bands)
    height = n_bands * (_TILE * 1.06 * per_class + 0.62) + (0.75 if note else 0.5)
    figure = new_figure(max(5.0, n_columns * (2.06 * _TILE + 0.24)), height, title, note)
    panels = figure.subplots(n_bands, n_columns, squeeze=False)
    for label, axes in enumerate(panels.flat):
        strip(axes)
        if label >= real.n_classes:
            axes.set_visible(False)
            continue
        for kind, (style, source) in enumerate(((REAL, real), (SYNTHETIC, synthetic))):
            tiles = [[tile] for tile in draw_of_class(source, label, per_class, seed)]
            _show_column(axes, montage(tiles, source.images.shape[1:3]), kind, source.images.shape[2])
            axes.text(kind * 1.06 + 0.5, -0.04, style.label, color=style.color, ha="center", fontsize=SMALL_SIZE)
        axes.set(xlim=(0, 2.06), ylim=(per_class * 1.06, -0.16), aspect="equal")
        axes.set_title(wrapped(real.class_names[label], 23), fontsize=TEXT_SIZE, fontweight="bold", va="bottom")
    return figure


def _show_column(axes: Axes, picture: np.ndarray, kind: int, tile_width: int) -> None:
    bottom = picture.shape[0] / tile_width
    axes.imshow(picture, extent=(kind * 1.06, kind * 1.06 + 1, bottom, 0))

"""The synthetic images most like a training image."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthpath_kedro.report.figures.montage import montage, tile_centers
from synthpath_kedro.report.figures.style import INK, SMALL_SIZE, name_panel, new_figure, strip

_TILE = 0.82
"""Inches."""


class Pairs(NamedTuple):
    """Synthetic images and their nearest training images, nearest first.

    Attributes:
        synthetic: uint8 [n, H, W, 3].
        train: likewise, or None where they must not be shown.
        distances: one per pair, as texts.
    """

    synthetic: UInt8[np.ndarray, "pairs height width 3"]
    train: UInt8[np.ndarray, "pairs height width 3"] | None
    distances: Sequence[str]


def closest_pairs(
    pairs: Mapping[str, Pairs],
    title: str = "Synthetic images nearest to a training image",
    note: str | None = None,
) -> Figure:
    """A band per space, a column per pair: synthetic above, training image below, their distance under them.

    Args:
        pairs: by what the distance is measured in; the same number of pairs in each.
        title: heading.
        note: a warning under the title.
    """
    n_rows = 1 if any(band.train is None for band in pairs.values()) else 2
    n_columns = max(len(band.synthetic) for band in pairs.values())
    height = len(pairs) * (n_rows * _TILE * 1.06 + 0.62) + (0.75 if note else 0.5)
    figure = new_figure(max(5.0, n_columns * _TILE * 1.06 + 1.1), height, title, note)
    panels = figure.subplots(len(pairs), 1, squeeze=False)[:, 0]
    for axes, (space, band) in zip(panels, pairs.items(), strict=True):
        _draw_band(axes, band, n_columns)
        name_panel(axes, space)
    return figure


def _draw_band(axes: Axes, band: Pairs, n_columns: int) -> None:
    height, width = band.synthetic.shape[1:3]
    empty = [None] * (n_columns - len(band.synthetic))
    rows = [[*band.synthetic, *empty]]
    names = ["synthetic"]
    if band.train is not None:
        rows.append([*band.train, *empty])
        names.append("training")
    axes.imshow(montage(rows, (height, width)), interpolation="nearest")
    strip(axes)
    axes.set_yticks(tile_centers(len(rows), height, width), names)
    places = tile_centers(n_columns, width, width)[: len(band.distances)]
    axes.set_xticks(places, list(band.distances))
    axes.tick_params(length=0, labelsize=SMALL_SIZE, labelcolor=INK)

"""How far synthetic and held-out images are from the training images."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from synthpath_kedro.report.figures.style import (
    INK,
    REAL,
    SYNTHETIC,
    add_legend,
    dress,
    name_panel,
    new_figure,
)

_BINS = 40
_COLORS = {"held-out real": REAL.color, "synthetic": SYNTHETIC.color}


class Distances(NamedTuple):
    """Distances to the nearest training image in one space, as multiples of the threshold of near-duplicates.

    Attributes:
        synthetic: of the synthetic images; nan where an image is compared with nothing.
        held_out: of real images that the denoiser was not trained on.
    """

    synthetic: Float[np.ndarray, " synthetic"]
    held_out: Float[np.ndarray, " held_out"]


def nearest_distances(
    distances: Mapping[str, Distances],
    title: str = "Distance to the nearest training image",
    note: str | None = None,
) -> Figure:
    """A panel a space: the distances' densities, and the threshold of near-duplicates.

    Args:
        distances: by what they are measured in.
        title: heading.
        note: a warning under the title.
    """
    figure = new_figure(max(5.0, 4.2 * len(distances)), 3.6, title, note)
    panels = figure.subplots(1, len(distances), squeeze=False)[0]
    for axes, (space, found) in zip(panels, distances.items(), strict=True):
        _draw(axes, found)
        name_panel(dress(axes), space)
        axes.set_xlabel("distance / threshold")
        axes.set_yticks([])
    panels[0].set_ylabel("density of images")
    handles = [Line2D([], [], color=color, linewidth=5, alpha=0.6) for color in _COLORS.values()]
    handles.append(Line2D([], [], color=INK, linestyle="--"))
    add_legend(figure, handles, [*_COLORS, "near-duplicates lie left of this"], loc="outside lower center", ncols=3)
    return figure


def _draw(axes: Axes, found: Distances) -> None:
    held_out, synthetic = (values[np.isfinite(values)] for values in (found.held_out, found.synthetic))
    highest = float(max((*held_out, *synthetic), default=1.0))
    edges = np.linspace(0, max(highest, 1.0), _BINS + 1).tolist()
    for color, distances in zip(_COLORS.values(), (held_out, synthetic), strict=True):
        axes.hist(distances, bins=edges, density=True, color=color, alpha=0.55)
    axes.axvline(1.0, color=INK, linestyle="--", linewidth=1.1)

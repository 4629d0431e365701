"""How near each class of the synthetic sets is to the same class of real images."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from synthpath_kedro.report.figures.style import (
    GRID,
    REAL,
    SMALL_SIZE,
    Style,
    add_legend_below,
    blank_figure,
    dress,
    name_panel,
    new_figure,
    set_color,
    set_marker,
    wrapped,
)


def fidelity_by_class(
    distances: Mapping[str, pd.DataFrame], title: str = "Fidelity by class", note: str | None = None
) -> Figure:
    """A panel per measure, a row per class, a mark per set; 0 is alike.

    Args:
        distances: by the measure's name in print: a row per class, a column per set in print, real training images
            last; nan where a class has too few images.
        title: heading.
        note: a warning under the title.
    """
    if not distances:
        return blank_figure(title, note, "no class has enough images")
    first = next(iter(distances.values()))
    classes, sets = list(first.index), list(first.columns)
    figure = new_figure(3.0 + 2.9 * len(distances), 1.7 + 0.36 * len(classes), title, note)
    panels = figure.subplots(1, len(distances), sharey=True, squeeze=False)[0]
    styles = [*(_style(set_color(k), set_marker(k)) for k in range(len(sets) - 1)), _style(REAL.color, REAL.marker)]
    for axes, (name, table) in zip(panels, distances.items(), strict=True):
        name_panel(dress(axes, grid="x"), name)
        axes.axvline(0, color=GRID, linewidth=2, zorder=1)
        for column, style in zip(sets, styles, strict=True):
            axes.scatter(table[column], range(len(classes)), s=30, alpha=0.85, zorder=3, **style)
        axes.tick_params(axis="y", length=0)
    panels[0].set_yticks(range(len(classes)), [wrapped(name, 36) for name in classes], fontsize=SMALL_SIZE)
    panels[0].set_ylim(len(classes) - 0.5, -0.5)
    add_legend_below(figure, [Line2D([], [], ls="", **style) for style in styles], sets)
    return figure


def _style(color: str, marker: str) -> Style:
    return {"color": color, "marker": marker}

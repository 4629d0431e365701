"""What the denoiser draws as its training goes on."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure

from synthpath_kedro.report.figures.montage import montage, tile_centers
from synthpath_kedro.report.figures.style import SMALL_SIZE, TEXT_SIZE, blank_figure, new_figure, strip, wrapped

_MAX_ROWS = 12
_TILE = 0.95
"""Inches."""


def denoiser_samples(
    samples: Mapping[int, UInt8[np.ndarray, "tiles height width 3"]],
    class_names: Sequence[str],
    others: Mapping[str, UInt8[np.ndarray, "tiles height width 3"]] | None = None,
    max_epochs: int = 6,
    title: str = "Samples as training goes on",
    note: str | None = None,
) -> Figure:
    """Samples of every class, a column per class, a band of rows per epoch and per other denoiser.

    Args:
        samples: by epoch, classes times k images: the k of the first class, then the k of the second, and so on.
        class_names: one a class.
        others: the last samples of other denoisers by their names in print, as many of each class; below the epochs.
        max_epochs: of more, this many are shown, evenly spread, first and last among them; the rows of all of them
            together are at most twelve.
        title: heading.
        note: a warning under the title.
    """
    if not samples:
        return blank_figure(title, note, "training ended before the first samples were drawn")
    epochs = _spread_evenly(sorted(samples), max_epochs)
    per_class = len(samples[epochs[0]]) // len(class_names)
    shown = max(1, min(per_class, _MAX_ROWS // len(epochs)))
    tile_shape = samples[epochs[0]].shape[1:3]
    bands = {f"epoch {epoch}": samples[epoch] for epoch in epochs} | dict(others or {})
    rows = len(bands) * (shown * _TILE * 1.06 + 0.12)
    figure = new_figure(max(5.0, len(class_names) * _TILE * 1.06 + 0.8), rows + (1.35 if note else 1.1), title, note)
    panels = figure.subplots(len(bands), 1, squeeze=False)[:, 0]
    for (name, images), axes in zip(bands.items(), panels, strict=True):
        by_class = images.reshape(len(class_names), per_class, *images.shape[1:])
        strip(axes).imshow(montage([list(by_class[:, row]) for row in range(shown)], tile_shape))
        axes.set_ylabel(name, fontsize=TEXT_SIZE)
    names = [wrapped(name, 14) for name in class_names]
    centers = tile_centers(len(class_names), tile_shape[1], tile_shape[1])
    panels[0].set_xticks(centers, names, fontsize=SMALL_SIZE)
    panels[0].tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
    return figure


def _spread_evenly(epochs: list[int], count: int) -> list[int]:
    if len(epochs) <= count:
        return epochs
    return [epochs[index] for index in np.linspace(0, len(epochs) - 1, count).round().astype(int)]

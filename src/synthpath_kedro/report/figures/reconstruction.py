"""Images beside what an autoencoder makes of them."""

import numpy as np
from matplotlib.figure import Figure

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.report.figures.montage import montage, tile_centers
from synthpath_kedro.report.figures.style import TEXT_SIZE, new_figure, strip, wrapped

_TILE = 0.8
"""Inches."""


def reconstruction(
    original: LabeledImages,
    reconstructed: LabeledImages,
    per_class: int = 4,
    seed: int = 0,
    title: str = "Images and their reconstructions",
    note: str | None = None,
) -> Figure:
    """A row per class: pairs of an image and, to its right, its reconstruction.

    Args:
        original: one label per image.
        reconstructed: the same images in the same order.
        per_class: pairs per row; a class with fewer leaves the rest empty.
        seed: decides which images are drawn.
        title: heading.
        note: a warning under the title.
    """
    per_class = min(per_class, int(original.class_counts.max()))
    tiles: list[list[np.ndarray | None]] = []
    for label in range(original.n_classes):
        members = np.flatnonzero(original.labels == label)
        drawn = np.random.default_rng([seed, label]).permutation(members)[:per_class]
        pairs = [one.images[index] for index in drawn for one in (original, reconstructed)]
        tiles.append([*pairs, *[None] * (2 * per_class - len(pairs))])
    shape = original.images.shape[1:3]
    width, height = 2.4 + _TILE * 1.06 * 2 * per_class, _TILE * 1.06 * original.n_classes
    figure = new_figure(width, height + (0.75 if note else 0.5), title, note)
    axes = strip(figure.add_subplot())
    axes.imshow(montage(tiles, shape))
    names = [wrapped(name, 18) for name in original.class_names]
    axes.set_yticks(tile_centers(original.n_classes, *shape), names, fontsize=TEXT_SIZE)
    axes.tick_params(length=0, pad=6)
    return figure

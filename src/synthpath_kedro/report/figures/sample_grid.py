"""A look at the data: images of every class."""

from matplotlib.figure import Figure

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.report.figures.montage import draw_of_class, montage, tile_centers
from synthpath_kedro.report.figures.style import TEXT_SIZE, new_figure, strip, wrapped

_TILE = 0.72
"""Inches."""


def sample_grid(
    images: LabeledImages,
    per_class: int = 9,
    seed: int = 0,
    title: str = "Images of every class",
    note: str | None = None,
) -> Figure:
    """``per_class`` images drawn from each class, one row per class.

    A class with fewer images leaves the rest of its row empty.

    Args:
        images: one label per image, or several (then the images that show the class).
        per_class: images per row.
        seed: decides which images are drawn.
        title: heading.
        note: a warning under the title.
    """
    tile_shape = images.images.shape[1:3]
    tiles = [draw_of_class(images, label, per_class, seed) for label in range(images.n_classes)]
    rows = _TILE * 1.06 * images.n_classes * tile_shape[0] / tile_shape[1]
    figure = new_figure(2.1 + _TILE * 1.06 * per_class, rows + (0.75 if note else 0.5), title, note)
    axes = strip(figure.add_subplot())
    axes.imshow(montage(tiles, tile_shape))
    names = [wrapped(name, 22) for name in images.class_names]
    axes.set_yticks(tile_centers(images.n_classes, *tile_shape), names, fontsize=TEXT_SIZE)
    axes.tick_params(length=0, pad=6)
    return figure

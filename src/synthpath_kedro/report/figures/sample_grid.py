"""A look at the data: images of every class."""

from matplotlib.figure import Figure

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.report.figures.montage import class_rows, draw_of_class


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
    tiles = [draw_of_class(images, label, per_class, seed) for label in range(images.n_classes)]
    return class_rows(tiles, images, title, note)

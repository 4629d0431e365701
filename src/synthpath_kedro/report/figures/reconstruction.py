"""Images beside what an autoencoder makes of them."""

from matplotlib.figure import Figure

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.report.figures.montage import class_rows, draw_of_class


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
    tiles = []
    for label in range(original.n_classes):
        both = (draw_of_class(one, label, per_class, seed) for one in (original, reconstructed))
        tiles.append([tile for pair in zip(*both, strict=True) for tile in pair])
    return class_rows(tiles, original, title, note)

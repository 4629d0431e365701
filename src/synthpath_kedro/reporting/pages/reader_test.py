"""A blinded test: can a person tell synthetic tiles from real ones?"""

import json
from base64 import b64encode
from hashlib import sha256
from typing import NamedTuple

import numpy as np

from synthpath_kedro.data.images import LabelledImages
from synthpath_kedro.errors import InputError
from synthpath_kedro.reporting.labels import PHANTOM_NOTE
from synthpath_kedro.reporting.pages.page import render_page
from synthpath_kedro.reporting.pages.sprite_sheet import Tiles, sprite_sheet

SOURCES = ("real", "synthetic")


class DrawnTiles(NamedTuple):
    """The tiles of one test, in the order in which they are shown.

    Attributes:
        tiles: uint8 [n, size, size, 3].
        sources: "real" or "synthetic", one a tile.
        classes: the class's name, one a tile.
    """

    tiles: Tiles
    sources: tuple[str, ...]
    classes: tuple[str, ...]


def render_reader_test(
    real: LabelledImages, synthetic: LabelledImages, n_images: int, seed: int, title: str, phantom: bool
) -> str:
    """A page that shows tiles one at a time, asks of each whether it is real, and says how often the reader was right.

    The page loads nothing from anywhere. Answers stay in the reader's browser; nothing before the last answer tells
    which tile is which: the tiles are one picture, and the truth is in the page only as base64. The page holds real
    tiles: it must not be made where those must not be shared.

    Args:
        real: images that the denoiser has not seen, from the centre that it was trained on (``real_val``), so that
            another centre's stain does not give them away.
        synthetic: images of the same size and classes.
        n_images: to show; see ``draw_tiles``.
        seed: decides which tiles are drawn, and their order.
        title: heading.
        phantom: the data is rendered, not taken from patients.

    Raises:
        InputError: see ``draw_tiles``.
    """
    drawn = draw_tiles(real, synthetic, n_images, seed)
    return render_drawn(drawn, title, PHANTOM_NOTE if phantom else None)


def draw_tiles(real: LabelledImages, synthetic: LabelledImages, n_images: int, seed: int) -> DrawnTiles:
    """Draws the same number of tiles of each class from both sets, in random order.

    Classes come as evenly as their images allow, so that a class tells nothing about the source. For a multi-label
    set each combination of labels counts as a class.

    Args:
        real: one set.
        synthetic: the other.
        n_images: at most so many, half of them synthetic; fewer where the sets do not hold as many of the same classes.
        seed: of all draws.

    Raises:
        InputError: ``n_images`` is below 2, the sets differ in image size, or they share no class.
    """
    if n_images < 2:
        raise InputError(f"a reader test needs at least 2 images, not {n_images}; ask for more")
    if real.images.shape[1:] != synthetic.images.shape[1:]:
        sizes = " and ".join("x".join(map(str, images.images.shape[1:3])) for images in (real, synthetic))
        raise InputError(f"real and synthetic images are {sizes} pixels; make the synthetic ones from this data again")
    generator = np.random.default_rng(seed)
    names = [_class_of_each(images) for images in (real, synthetic)]
    classes = sorted({*names[0]} & {*names[1]})
    room = np.array([min(np.sum(name == c) for name in names) for c in classes], dtype=np.int64)
    if not len(room):
        raise InputError("real and synthetic images share no class; make the synthetic ones from this data again")
    counts = _even_counts(room, n_images // 2, generator)
    drawn = [
        np.concatenate([generator.choice(np.flatnonzero(name == c), n, replace=False) for c, n in zip(classes, counts)])
        for name in names
    ]
    tiles = np.concatenate([images.images[chosen] for images, chosen in zip((real, synthetic), drawn)])
    order = generator.permutation(len(tiles))
    sources = np.repeat(SOURCES, counts.sum())[order]
    shown = np.concatenate([name[chosen] for name, chosen in zip(names, drawn)])[order]
    return DrawnTiles(tiles[order], tuple(map(str, sources)), tuple(map(str, shown)))


def render_drawn(drawn: DrawnTiles, title: str, note: str | None) -> str:
    """The page of ``render_reader_test`` for tiles that have been drawn."""
    sheet = sprite_sheet(drawn.tiles)
    key = b64encode(json.dumps({"sources": drawn.sources, "classes": drawn.classes}).encode()).decode()
    content = {
        "n": len(drawn.tiles),
        "size": sheet.size,
        "columns": sheet.columns,
        "key": key,
        "digest": sha256(sheet.png + key.encode()).hexdigest()[:16],
    }
    return render_page("reader_test", title, note, content, sheet)


def _class_of_each(images: LabelledImages) -> np.ndarray:
    """The class's name [N]; of a multi-label set the names of all that an image shows."""
    names = np.array(images.class_names, dtype=object)
    if not images.multi_label:
        return names[images.labels]
    shown = [" + ".join(names[row > 0]) or "none" for row in images.labels]
    return np.array(shown, dtype=object)


def _even_counts(room: np.ndarray, total: int, generator: np.random.Generator) -> np.ndarray:
    """How many of each class: as even as ``room`` [classes] allows, the odd ones at random; ``total`` or all."""
    counts = np.zeros_like(room)
    while (left := min(total, room.sum()) - counts.sum()) > 0:
        open_classes = np.flatnonzero(counts < room)
        counts[generator.permutation(open_classes)[:left]] += 1
    return counts

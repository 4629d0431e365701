"""A blinded test: can a person tell synthetic tiles from real ones?"""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

import numpy as np

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.lineage import PHANTOM_NOTE
from synthpath_kedro.errors import InputError
from synthpath_kedro.report.pages.page import render_page
from synthpath_kedro.report.pages.sprite_sheet import Tiles, sprite_sheet

SOURCES = ("real", "synthetic")
_AGAIN = "make the synthetic ones from this data again"


class DrawnTiles(NamedTuple):
    """The tiles of one test, in the order in which they are shown.

    Attributes:
        tiles: uint8 [n, size, size, 3].
        sources: "real" or "synthetic", one a tile.
        labels: each tile's place in ``classes``.
        classes: names of the classes that are shown.
    """

    tiles: Tiles
    sources: tuple[str, ...]
    labels: tuple[int, ...]
    classes: tuple[str, ...]


def render_reader_study(
    real: LabeledImages, synthetic: LabeledImages, n_images: int, seed: int, title: str, phantom: bool, about: str = ""
) -> str:
    """A page that shows tiles one at a time, asks of each whether it is real, and says how often the reader was right.

    The page loads nothing from anywhere. Answers stay in the reader's browser; nothing before the last answer tells
    which tile is which: the tiles are one picture, and the truth is in the page only as base64. The page holds real
    tiles: it must not be made where those must not be shared.

    Args:
        real: images that the denoiser has not seen, from the center that it was trained on (``real_val``), so that
            another center's stain does not give them away.
        synthetic: images of the same size and classes.
        n_images: to show; see ``draw_tiles``.
        seed: decides which tiles are drawn, and their order.
        title: heading.
        phantom: the data is rendered, not taken from patients.
        about: a sentence for the instructions, such as which of several synthetic sets is shown.

    Raises:
        InputError: see ``draw_tiles``.
    """
    drawn = draw_tiles(real, synthetic, n_images, seed)
    return render_drawn(drawn, title, PHANTOM_NOTE if phantom else None, about)


def draw_tiles(real: LabeledImages, synthetic: LabeledImages, n_images: int, seed: int) -> DrawnTiles:
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
        raise InputError(f"a reader study needs at least 2 images, not {n_images}; ask for more")
    if real.image_size != synthetic.image_size:
        raise InputError(
            f"real images are {real.image_size} pixels wide, synthetic ones {synthetic.image_size}; {_AGAIN}"
        )
    generator = np.random.default_rng(seed)
    real_names, synthetic_names = _class_of_each(real), _class_of_each(synthetic)
    counts = _counts_by_class(real_names, synthetic_names, real.class_names, n_images // 2, generator)
    real_rows = _drawn(real_names, counts, generator)
    synthetic_rows = _drawn(synthetic_names, counts, generator)
    order = generator.permutation(2 * len(real_rows))
    tiles = np.concatenate([real.images[real_rows], synthetic.images[synthetic_rows]])[order]
    sources = np.repeat(SOURCES, len(real_rows))[order]
    labels = np.tile(np.repeat(np.arange(len(counts)), list(counts.values())), 2)[order]
    return DrawnTiles(tiles, tuple(sources.tolist()), tuple(labels.tolist()), tuple(counts))


def render_drawn(drawn: DrawnTiles, title: str, note: str | None, about: str = "") -> str:
    """The page of ``render_reader_study`` for tiles that have been drawn."""
    sheet = sprite_sheet(drawn.tiles)
    truth = {"sources": drawn.sources, "labels": drawn.labels, "classes": drawn.classes}
    key = b64encode(json.dumps(truth).encode()).decode()
    content = {
        "n": len(drawn.tiles),
        "about": about,
        "size": sheet.size,
        "columns": sheet.columns,
        "key": key,
        "digest": sha256(sheet.png + key.encode()).hexdigest()[:16],
    }
    return render_page("reader_study", title, note, content, sheet)


def _class_of_each(images: LabeledImages) -> np.ndarray:
    """The class's name [N]; of a multi-label set the names of all that an image shows."""
    names = np.array(images.class_names, dtype=object)
    if not images.multi_label:
        return names[images.labels]
    shown = [" + ".join(names[row > 0]) or "none" for row in images.labels]
    return np.array(shown, dtype=object)


def _counts_by_class(
    real: np.ndarray, synthetic: np.ndarray, order: Sequence[str], total: int, generator: np.random.Generator
) -> dict[str, int]:
    """Tiles of each class from either set, in label order: as even as the smaller set allows, the rest at random."""
    shared = {*real} & {*synthetic}
    if not shared:
        raise InputError(f"real and synthetic images share no class; {_AGAIN}")
    names = [name for name in order if name in shared] + sorted(shared.difference(order))
    room = np.array([min(np.sum(real == name), np.sum(synthetic == name)) for name in names])
    counts = np.zeros_like(room)
    while (left := min(total, room.sum()) - counts.sum()) > 0:
        counts[generator.permutation(np.flatnonzero(counts < room))[:left]] += 1
    return {name: int(count) for name, count in zip(names, counts, strict=True) if count}


def _drawn(names: np.ndarray, counts: Mapping[str, int], generator: np.random.Generator) -> np.ndarray:
    """The rows of ``counts`` images of each class, class by class."""
    return np.concatenate(
        [generator.choice(np.flatnonzero(names == name), count, replace=False) for name, count in counts.items()]
    )

"""Changes of a set of images that are known, to see which numbers of fidelity they move and which they leave."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from scipy.ndimage import gaussian_filter

from synthpath_kedro.data.phantom.stain import (
    EOSIN,
    HEMATOXYLIN,
    SHIFTED_AMOUNT,
    SHIFTED_BRIGHTNESS,
    SHIFTED_EOSIN,
    SHIFTED_HEMATOXYLIN,
)
from synthpath_kedro.evaluation.extractors import Extractor
from synthpath_kedro.evaluation.fidelity_measures import FEATURES, MEASURES
from synthpath_kedro.evaluation.fidelity_tables import OVERALL, Images, compare_classes, compare_sets
from synthpath_kedro.evaluation.image_features import LABELS, extract
from synthpath_kedro.metrics.stain import optical_density
from synthpath_kedro.study.table import Table

FAIR = "fair draws"
OF_CLASSES = tuple(measure.of_classes for measure in MEASURES.values())
OF_SET = tuple(MEASURES)
NEIGHBORHOOD = ("precision", "recall", "coverage")

_KERNEL = ("kernel_distance_of_classes", "kernel_distance")
_STAIN = ("stain_of_classes", "stain")
_TEXTURE = ("texture_of_classes", "texture")


@dataclass(frozen=True)
class KnownChange:
    """What is done to a fair draw.

    Attributes:
        name: in print.
        moves: the measures that must see it.
        keeps: those that must not; the others may.
        pixels: changes uint8 [n, H, W, 3].
        draw: the images that are taken, int [m], and the labels that they get, from the labels [n].
    """

    name: str
    moves: tuple[str, ...]
    keeps: tuple[str, ...]
    pixels: Callable[[np.ndarray], np.ndarray] | None = None
    draw: Callable[[np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]] | None = None


def restained(images: np.ndarray, shift: float = 0.5) -> np.ndarray:
    """As another laboratory and scanner would show them: the phantom's other center, ``shift`` of the way."""
    vectors = _with_residual(HEMATOXYLIN, EOSIN)
    shifted = _with_residual(HEMATOXYLIN + shift * SHIFTED_HEMATOXYLIN, EOSIN + shift * SHIFTED_EOSIN)
    shifted[:2] *= SHIFTED_AMOUNT[:, None] ** shift
    density = optical_density(images) @ np.linalg.inv(vectors) @ shifted
    return _gray_levels(255 * SHIFTED_BRIGHTNESS**shift * 10**-density)


def brighter(images: np.ndarray, levels: int = 12) -> np.ndarray:
    """By so many gray levels."""
    return _gray_levels(images.astype(np.float32) + levels)


def blurred(images: np.ndarray, sigma: float = 0.7) -> np.ndarray:
    """With a Gaussian of ``sigma`` pixels."""
    return _gray_levels(gaussian_filter(images.astype(np.float32), (0, sigma, sigma, 0)))


def compressed(images: np.ndarray, quality: int = 75) -> np.ndarray:
    """As JPEG of ``quality`` and back."""
    return np.stack([_compressed(image, quality) for image in images])


def permuted_labels(labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The same images, with labels in random order."""
    return np.arange(len(labels)), rng.permutation(labels)


def duplicates(labels: np.ndarray, rng: np.random.Generator, copies: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """A part of each class, each image ``copies`` times, as many images as before but for the remainder."""
    parts = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    rows = np.concatenate([np.repeat(rng.permutation(part)[: max(1, len(part) // copies)], copies) for part in parts])
    return rows, labels[rows]


def missing_class(labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Without a class that is drawn."""
    rows = np.flatnonzero(labels != rng.choice(np.unique(labels)))
    return rows, labels[rows]


def another_mix(labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A third of one class, all of another, and evenly between for the others."""
    shares = np.linspace(1 / 3, 1, len(np.unique(labels)))
    parts = [rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    rows = np.concatenate([part[: round(share * len(part))] for part, share in zip(parts, shares, strict=True)])
    return rows, labels[rows]


CHANGES = Table(
    "known change",
    KnownChange("permuted labels", OF_CLASSES, (*OF_SET, *NEIGHBORHOOD), draw=permuted_labels),
    KnownChange("stain shifted by .5", _STAIN, _TEXTURE, restained),
    KnownChange("brightness +12", _STAIN, _TEXTURE, brighter),
    KnownChange("blur, .7 pixels", (*_KERNEL, *_TEXTURE), _STAIN, blurred),
    KnownChange("JPEG, quality 75", (*_KERNEL, "texture_of_classes"), _STAIN, compressed),
    KnownChange("a fifth, five times each", ("recall", "coverage"), ("precision",), draw=duplicates),
    KnownChange("one class missing", OF_CLASSES, (), draw=missing_class),
    KnownChange("another class mix", ("kernel_distance", "stain"), OF_CLASSES, draw=another_mix),
)


def describe(images: np.ndarray, labels: np.ndarray, extractor: Extractor, batch_size: int = 64) -> Images:
    """What the measures read off ``images`` (uint8 [n, H, W, 3]), with their labels (int [n])."""
    described = {FEATURES: extract(extractor, images, np.arange(len(images)), batch_size), LABELS: labels}
    for measure in MEASURES.values():
        if measure.statistics:
            described[measure.name] = measure.statistics(images)
    return described


def known_changes_table(
    pairs: Sequence[tuple[Images, Images]],
    images: np.ndarray,
    extractor: Extractor,
    class_names: Sequence[str],
    seed: int,
) -> pd.DataFrame:
    """Every fair draw against held-out images, and every one of ``CHANGES`` of the first draw.

    Args:
        pairs: held-out images and a draw from their distribution.
        images: uint8 [n, H, W, 3] of the first draw.
        extractor: of the features.
        class_names: in label order.
        seed: of the changes.

    Returns:
        A row per draw, called ``FAIR``, and per change (index ``change``), a column per measure over the whole set or
        over classes.
    """
    rng, (reference, first) = np.random.default_rng(seed), pairs[0]
    rows = [_row(FAIR, *pair, class_names) for pair in pairs]
    for change in CHANGES.values():
        made = first if change.pixels is None else describe(change.pixels(images), first[LABELS], extractor)
        if change.draw is not None:
            taken, labels = change.draw(first[LABELS], rng)
            made = {**{name: array[taken] for name, array in made.items()}, LABELS: labels}
        rows.append(_row(change.name, reference, made, class_names))
    return pd.DataFrame(rows).set_index("change")


def _row(change: str, reference: Images, candidate: Images, class_names: Sequence[str]) -> dict[str, Any]:
    found = (*compare_sets(reference, candidate), *compare_classes(reference, candidate, class_names))
    return {"change": change, **{row["measure"]: row["value"] for row in found if row["class"] == OVERALL}}


def _with_residual(hematoxylin: np.ndarray, eosin: np.ndarray) -> np.ndarray:
    """Unit vectors of the stains and of what neither absorbs: float [3, 3]."""
    vectors = np.stack([hematoxylin, eosin, np.cross(hematoxylin, eosin)])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _compressed(image: np.ndarray, quality: int) -> np.ndarray:
    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def _gray_levels(light: np.ndarray) -> np.ndarray:
    return np.rint(light).clip(0, 255).astype(np.uint8)

"""Each synthetic and held-out image's nearest training image: what the privacy numbers are made from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.stratified import stratified_subset
from synthpath_kedro.evaluation.image_features import FEATURES, INDEX
from synthpath_kedro.metrics.copies import Calibration, CopyCount, calibrate, count_copies
from synthpath_kedro.metrics.neighbors import nearest_neighbors
from synthpath_kedro.metrics.tile_matching import Matches, match_parts, match_whole, own_distances_of_parts
from synthpath_kedro.parameters import PrivacyParameters

SPACES = {"pixels": "whole tiles, against every training image", "features": "parts of tiles, nearest in features"}
"""How images are compared, and what figures call it."""

SYNTHETIC, HELD_OUT = "synthetic", "held_out"

_CANDIDATES = 16
"""Training images nearest in features, in which the parts of an image are sought."""


class Searched(NamedTuple):
    """A set of images in the search.

    Attributes:
        images: all of them.
        features: of a part of them, as ``image_features`` gives them.
    """

    images: LabeledImages
    features: Artifact


@dataclass(frozen=True)
class Found:
    """The nearest training image of every image searched.

    Attributes:
        index: the images' places in the whole set.
        nearest: the training images' places in the whole training set.
        relative: distance between the two, relative to the training image's own nearest other; nan for an image of one
            color, which is compared with nothing.
        threshold: below which it is a suspect.
        position: which of the eight positions of a square the training image is found in.
        authentic: no copy by Alaa et al. (2022, section 3.3): it is farther from its nearest training image than that
            one is from its nearest other.
    """

    index: Int[np.ndarray, " images"]
    nearest: Int[np.ndarray, " images"]
    relative: Float[np.ndarray, " images"]
    threshold: Float[np.ndarray, " images"]
    position: Int[np.ndarray, " images"]
    authentic: Bool[np.ndarray, " images"]

    @property
    def suspects(self) -> Bool[np.ndarray, " images"]:
        """Which images are near-duplicates."""
        return self.relative < self.threshold


class Pairs(NamedTuple):
    """Synthetic images and their nearest training images, nearest first.

    Attributes:
        synthetic: places in the synthetic set.
        train: places in the training set.
        relative: distances.
        position: which of the eight positions of a square the training image is found in.
    """

    synthetic: Int[np.ndarray, " pairs"]
    train: Int[np.ndarray, " pairs"]
    relative: Float[np.ndarray, " pairs"]
    position: Int[np.ndarray, " pairs"]


def search_training_images(
    synthetic: Searched, held_out: Searched, train: Searched, params: PrivacyParameters, seed: int
) -> dict[str, dict[str, Found]]:
    """Searches the training images for near-duplicates, as whole tiles and by their parts.

    Args:
        synthetic: of which ``pixel_images`` are compared as whole tiles, and all that have features by their parts.
        held_out: real images that no generator was trained on, which calibrate the search.
        train: of which all are compared as whole tiles, and all that have features by their parts.
        params: the block ``evaluation.privacy``.
        seed: of the draws.

    Returns:
        What was found, by space and set.
    """
    sets = {SYNTHETIC: synthetic, HELD_OUT: held_out}
    wholes = {name: stratified_subset(one.images.labels, params.pixel_images, seed) for name, one in sets.items()}
    matches = {name: match_whole(one.images.images[wholes[name]], train.images.images) for name, one in sets.items()}
    found = {"pixels": _relative(wholes, matches, train, _own_of_wholes)}
    parts = {name: one.features.tensors[INDEX] for name, one in sets.items()}
    matches = {
        name: match_parts(
            one.images.images[parts[name]], train.images.images, _candidates(one.features.tensors[FEATURES], train)
        )
        for name, one in sets.items()
    }
    return found | {"features": _relative(parts, matches, train, _own_of_parts)}


def count_suspects(found: Mapping[str, Mapping[str, Found]]) -> CopyCount:
    """Over all spaces: an image is examined where any of them examines it, and a suspect where any finds it."""
    return count_copies(*(_in_any([sets[name] for sets in found.values()]) for name in (SYNTHETIC, HELD_OUT)))


def suspects_of(found: Mapping[str, Mapping[str, Found]]) -> Int[np.ndarray, " suspects"]:
    """Places of the synthetic images that any space finds to be near-duplicates, in order."""
    return np.unique(np.concatenate([sets[SYNTHETIC].index[sets[SYNTHETIC].suspects] for sets in found.values()]))


def to_tensors(found: Mapping[str, Mapping[str, Found]]) -> dict[str, np.ndarray]:
    """What was found, by space and set, as named arrays."""
    return {
        f"{space}.{name}.{field}": array
        for space, sets in found.items()
        for name, one in sets.items()
        for field, array in asdict(one).items()
    }


def read_found(artifact: Artifact) -> dict[str, dict[str, Found]]:
    """The inverse of ``to_tensors``."""
    return {
        space: {
            name: Found(*(artifact.tensors[f"{space}.{name}.{field.name}"] for field in fields(Found)))
            for name in (SYNTHETIC, HELD_OUT)
        }
        for space in SPACES
    }


def closest_synthetic(found: Found, n: int) -> Pairs:
    """The ``n`` images with the smallest relative distance, each training image once."""
    order = np.argsort(found.relative, kind="stable")
    order = order[np.isfinite(found.relative[order])]
    _, first = np.unique(found.nearest[order], return_index=True)
    chosen = order[np.sort(first)[:n]]
    return Pairs(found.index[chosen], found.nearest[chosen], found.relative[chosen], found.position[chosen])


def _relative(
    index: Mapping[str, np.ndarray],
    matches: Mapping[str, Matches],
    train: Searched,
    own_of: Callable[[Searched, np.ndarray], np.ndarray],
) -> dict[str, Found]:
    """Distances relative to each training image's own, calibrated on those of held-out images."""
    rows, back = np.unique(np.concatenate([matches[name].index for name in index]), return_inverse=True)
    own_of_rows = own_of(train, rows)[back]
    own = dict(zip(index, np.split(own_of_rows, [len(matches[SYNTHETIC].index)]), strict=True))
    classes = {name: train.images.labels[match.index] for name, match in matches.items()}
    calibration: Calibration = calibrate(
        matches[HELD_OUT].distance, own[HELD_OUT], classes[HELD_OUT], train.images.n_classes
    )
    return {
        name: Found(
            index=index[name],
            nearest=match.index,
            relative=calibration.relative(match.distance, own[name], classes[name]),
            threshold=calibration.threshold[classes[name]],
            position=match.position,
            authentic=~(match.distance < own[name]),
        )
        for name, match in matches.items()
    }


def _own_of_wholes(train: Searched, rows: np.ndarray) -> np.ndarray:
    """Distance of each of the training images ``rows`` to its nearest other."""
    images = train.images.images
    return match_whole(images[rows], images, excluded=rows).distance


def _own_of_parts(train: Searched, rows: np.ndarray) -> np.ndarray:
    """The same by parts, among its candidates; ``rows`` are those that have features."""
    features = train.features.tensors[FEATURES]
    place = dict(zip(train.features.tensors[INDEX].tolist(), range(len(features)), strict=True))
    own_features = features[[place[row] for row in rows.tolist()]]
    return own_distances_of_parts(train.images.images, rows, _candidates(own_features, train, excluded=rows))


def _candidates(
    features: np.ndarray, train: Searched, excluded: np.ndarray | None = None
) -> Int[np.ndarray, "images k"]:
    """Places of the training images nearest in features to each image, without the ``excluded`` one."""
    index, points = train.features.tensors[INDEX], train.features.tensors[FEATURES]
    k = min(_CANDIDATES, len(points) - 1)
    if excluded is None:
        return index[nearest_neighbors(features, points, k=k).indices]
    nearest = index[nearest_neighbors(features, points, k=k + 1).indices]
    # Where there are copies among the training images, the image itself may not be its own nearest.
    last_if_itself = np.argsort(nearest == excluded[:, None], axis=1, kind="stable")
    return np.take_along_axis(nearest, last_if_itself, axis=1)[:, :k]


def _in_any(found: Sequence[Found]) -> Bool[np.ndarray, " images"]:
    examined = np.unique(np.concatenate([one.index for one in found]))
    suspects = np.unique(np.concatenate([one.index[one.suspects] for one in found]))
    return np.isin(examined, suspects)

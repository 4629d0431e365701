"""Each synthetic and held-out image's nearest training image: what the privacy numbers are made from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.stratified import stratified_subset
from synthpath_kedro.metrics.neighbors import Neighbors
from synthpath_kedro.metrics.privacy import ClosestPairs, authentic, closest_pairs, nearest_training_images

SPACES = {"pixels": "in pixels (RMS difference in gray levels)", "features": "in features"}
"""Where distances are measured, and what figures call it."""

SYNTHETIC, HELD_OUT = "synthetic", "held_out"


@dataclass(frozen=True)
class Points:
    """A part of a set of images as points of a space.

    Attributes:
        values: one row per image.
        index: the images' places in the whole set.
    """

    values: Num[np.ndarray, "images dimensions"]
    index: Int[np.ndarray, " images"]


@dataclass(frozen=True)
class Found:
    """The nearest training image of every image searched.

    Attributes:
        index: the images' places in the whole set.
        nearest: the training images' places in the whole training set.
        distances: between the two.
        authentic: no copy by ``privacy.authenticity``.
    """

    index: Int[np.ndarray, " images"]
    nearest: Int[np.ndarray, " images"]
    distances: Float[np.ndarray, " images"]
    authentic: Bool[np.ndarray, " images"]


def pixel_points(images: LabeledImages, n: int, seed: int) -> Points:
    """A stratified part of ``images``, at most ``n``, as points whose distance is the RMS difference in gray levels."""
    index = stratified_subset(images.labels, n, seed)
    pixels = images.images[index].reshape(len(index), -1)
    return Points(pixels / np.float32(np.sqrt(pixels.shape[1])), index)


def search_training_images(images: Points, train: Points) -> Found:
    """Searches ``train`` for each image's nearest; training images that are no part of it cannot be found."""
    nearest = nearest_training_images(images.values, train.values)
    return Found(
        images.index,
        train.index[nearest.indices[:, 0]],
        nearest.distances[:, 0],
        authentic(nearest, train.values),
    )


def to_tensors(found: Mapping[str, Mapping[str, Found]]) -> dict[str, np.ndarray]:
    """What was found, by space and set, as named arrays."""
    return {
        f"{space}.{name}.{field}": array
        for space, sets in found.items()
        for name, one in sets.items()
        for field, array in asdict(one).items()
    }


def read_found(artifact: Artifact, space: str, name: str) -> Found:
    """The inverse of ``to_tensors`` for one space and set."""
    return Found(*(artifact.tensors[f"{space}.{name}.{field.name}"] for field in fields(Found)))


def closest_synthetic(artifact: Artifact, space: str, n: int) -> ClosestPairs:
    """The ``n`` synthetic images nearest to a training image, as places in the whole sets."""
    found = read_found(artifact, space, SYNTHETIC)
    pairs = closest_pairs(Neighbors(found.distances[:, None], found.nearest[:, None]), n)
    return ClosestPairs(found.index[pairs.synthetic], pairs.train, pairs.distances)

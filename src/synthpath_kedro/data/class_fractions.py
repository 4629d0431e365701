"""A long tail made on purpose, to study whether synthesis helps rare classes."""

from collections.abc import Mapping

import numpy as np

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.errors import InputError


def subsample_classes(images: LabeledImages, kept: Mapping[str, float], seed: int) -> LabeledImages:
    """Subsamples chosen classes of a training set.

    Which images stay follows from the seed and their class alone, and what a share keeps, a larger one keeps too, so
    that a sweep over shares adds images and exchanges none.

    Args:
        images: one label per image.
        kept: the share of its images that a class keeps, above 0 up to 1, by class name; others keep all.
        seed: decides which images stay.

    Returns:
        The images that stay, in the order they had; at least one of each class. The card notes ``kept`` as
        "subsampled".

    Raises:
        InputError: a class is unknown, a share is not above 0 up to 1, or the images have several labels.
    """
    _check(images, kept)
    if not kept:
        return images
    stays = np.ones(len(images), dtype=bool)
    for name, share in kept.items():
        label = images.class_names.index(name)
        members = np.random.default_rng((seed, label)).permutation(np.flatnonzero(images.labels == label))
        stays[members[max(1, round(share * len(members))) :]] = False
    return images.select(np.flatnonzero(stays)).with_card(subsampled=dict(kept))


def _check(images: LabeledImages, kept: Mapping[str, float]) -> None:
    for name, share in kept.items():
        if name not in images.class_names:
            raise InputError(f"cannot subsample class {name!r}; valid classes: {', '.join(images.class_names)}")
        if not 0 < share <= 1:
            raise InputError(f"cannot keep a share of {share} of class {name!r}; valid: above 0, up to 1")
    if kept and images.multi_label:
        raise InputError(
            "cannot subsample classes of a set with several labels per image; choose a single-label data set"
        )

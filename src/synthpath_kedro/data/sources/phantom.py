"""The digital phantom as a source: not tissue, but drawn like it, wherever a study must run without any data."""

import numpy as np

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.phantom.render import render_tiles
from synthpath_kedro.data.phantom.tissues import TISSUES
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.parameters import PhantomParameters

TRAIN, VAL, TEST, ORACLE, PRETRAINING = range(5)


def render_phantom(params: PhantomParameters, image_size: int, seed: int) -> Splits:
    """Renders the three sets; tile i of a set depends on ``seed``, the set and i only.

    Args:
        params: how many tiles in each set, and how far the test set's stain is from that of the two others.
        image_size: height and width in pixels; the field of view stays the same.
        seed: the study's.

    Returns:
        Sets whose classes are as equal in number as can be, in random order.
    """
    return Splits(
        _render_set(params.n_train, image_size, (seed, TRAIN), 0.0),
        _render_set(params.n_val, image_size, (seed, VAL), 0.0),
        _render_set(params.n_test, image_size, (seed, TEST), params.stain_shift),
    )


def _render_set(n_images: int, image_size: int, seed: tuple[int, int], stain_shift: float) -> LabeledImages:
    labels = np.random.default_rng(seed).permutation(np.arange(n_images) % len(TISSUES))
    images = render_tiles(labels, image_size, seed, stain_shift)
    return LabeledImages(images, labels.astype(np.int64), tuple(TISSUES), card={"stain_shift": stain_shift})

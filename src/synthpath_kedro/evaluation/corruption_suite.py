"""Every corruption of one cell's test images, predicted by all its replicates."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, UInt8

from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.prediction import predict_replicates
from synthpath_kedro.parameters import EvaluationParameters
from synthpath_kedro.parameters.block import Precision
from synthpath_kedro.study.corruptions import CORRUPTIONS, Corruption
from synthpath_kedro.study.table import load_attribute

Images = UInt8[np.ndarray, "images height width 3"]


def corrupt_images(
    images: Images, numbers: Int[np.ndarray, " images"], corruption: Corruption, level: float, seed: int
) -> Images:
    """The images as ``corruption`` leaves them at ``level``.

    An image's random numbers depend on ``seed`` and its number alone: every cell sees the same pixels, whatever else is
    corrupted with them.

    Args:
        images: RGB.
        numbers: of the images in the whole test set.
        corruption: an entry of ``CORRUPTIONS``.
        level: see the entry's ``meaning``.
        seed: the study's.
    """
    corrupt = load_attribute(corruption.corrupt)
    return np.stack(
        [
            corrupt(image, level, np.random.default_rng((seed, int(number))))
            for image, number in zip(images, numbers, strict=True)
        ]
    )


def corruption_suite(
    classifiers: Sequence[Classifier],
    images: Images,
    numbers: Int[np.ndarray, " images"],
    params: EvaluationParameters,
    seed: int,
    precision: Precision,
) -> dict[str, np.ndarray]:
    """Class probabilities by kind of corruption: float32 [levels, replicates, images, classes].

    Args:
        classifiers: a cell's replicates.
        images: RGB.
        numbers: of the images in the whole test set.
        params: names the corruptions and their levels.
        seed: of the noise.
        precision: see ``predict_replicates``.
    """

    def probabilities(corruption: Corruption, level: float) -> np.ndarray:
        corrupted = corrupt_images(images, numbers, corruption, level, seed)
        predicted = predict_replicates(classifiers, corrupted, params.batch_size, precision=precision)
        return np.stack([one.probabilities for one in predicted])

    return {
        name: np.stack([probabilities(CORRUPTIONS.find(name), level) for level in levels])
        for name, levels in params.levels_of_corruptions.items()
    }

"""Split conformal prediction: sets of classes that hold the true one with a stated probability.

The sets are those of the least ambiguous classifier (LAC; Sadinle, Lei and Wasserman 2019): every class that is likely
enough, with one threshold for all images. The promise holds on average over images that are exchangeable with the
calibration images, whatever the classifier; for images from another center nothing is promised.
"""

from math import ceil, inf

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import betabinom

Probabilities = Float[np.ndarray, "images classes"]

_ROUNDING = 1e-9


def lac_threshold(probabilities: Probabilities, labels: Int[np.ndarray, " images"], coverage: float) -> float:
    """The largest 1 - p(class) that a class of a set may have.

    It is the ceil((n + 1) coverage)-th smallest of the n calibration images' 1 - p(label).

    Args:
        probabilities: of calibration images, which neither the training nor the test has seen.
        labels: their classes.
        coverage: promised share of sets with the true class, above 0 and below 1.

    Returns:
        Infinite where n is too small for the promise: every set then holds all classes.
    """
    place = ceil((len(labels) + 1) * coverage - _ROUNDING)
    if place > len(labels):
        return inf
    return float(np.sort(_misfit(probabilities)[np.arange(len(labels)), labels])[place - 1])


def prediction_sets(probabilities: Probabilities, threshold: float) -> Bool[np.ndarray, "images classes"]:
    """Whether each class belongs to the image's set; a set may be empty."""
    return _misfit(probabilities) <= threshold


def exchangeable_range(
    n_calibration: int, coverage: float, n_test: int, design_effect: float = 1.0, level: float = 0.95
) -> tuple[float, float]:
    """Coverages reached by ``level`` of all studies whose test images are like the calibration images.

    A study has one calibration and one test set; both are drawn by chance, so that the number of sets that hold the
    true class is beta-binomial (Angelopoulos and Bates 2021, section 3.2).

    Args:
        n_calibration: calibration images.
        coverage: promised share.
        n_test: test images.
        design_effect: images that say as much as one independent image, where those of a patient are alike.
        level: share of the studies.

    Returns:
        Both ends; 0 and 1 where no image is independent.
    """
    place = ceil((n_calibration + 1) * coverage - _ROUNDING)
    n = round(n_test / design_effect)
    if n < 1:
        return 0.0, 1.0
    if place > n_calibration:
        return 1.0, 1.0
    hits = betabinom(n, place / design_effect, (n_calibration + 1 - place) / design_effect).interval(level)
    return float(hits[0] / n), float(hits[1] / n)


def _misfit(probabilities: Probabilities) -> Probabilities:
    return 1 - probabilities.astype(np.float64)

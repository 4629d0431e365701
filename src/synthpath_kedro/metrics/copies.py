"""Which synthetic images are near-duplicates of training images.

An image that copies nothing is about as near to its nearest training image as that one is to its own nearest other. The
ratio of the two, the relative distance, is therefore near 1, whatever the class, and near 0 for a copy. How near to 1
it is otherwise is learned from held-out images, class by class.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import stats

FAIR_SHARE = 0.005
"""Of images that copy nothing, at most so many are taken for suspects; an alarm needs more."""
LEVEL = 0.05

_DEVIATIONS = 5.0
_PRIOR_IMAGES = 10
_LEAST_SPREAD = 0.02
_LEAST_OWN = 0.5


@dataclass(frozen=True)
class Calibration:
    """What relative distances held-out images have, by the class of the training image that they are nearest to.

    Attributes:
        own: typical distance of a training image to its nearest other.
        center: typical logarithm of the relative distance.
        threshold: relative distance below which an image is a suspect.
    """

    own: Float[np.ndarray, " classes"]
    center: Float[np.ndarray, " classes"]
    threshold: Float[np.ndarray, " classes"]

    def relative(
        self,
        distances: Float[np.ndarray, " images"],
        own: Float[np.ndarray, " images"],
        classes: Int[np.ndarray, " images"],
    ) -> Float[np.ndarray, " images"]:
        """Each image's distance, as a multiple of its training image's own.

        Training images that are near-duplicates of each other count as half as far apart as is typical, or else no
        copy of them could be told.

        Args:
            distances: to the nearest training image.
            own: of that training image to its nearest other.
            classes: of that training image.
        """
        return _relative(distances, own, self.own[classes])

    def suspects(
        self, relative: Float[np.ndarray, " images"], classes: Int[np.ndarray, " images"]
    ) -> Bool[np.ndarray, " images"]:
        """Which images are nearer than unrelated images come."""
        return relative < self.threshold[classes]


@dataclass(frozen=True)
class CopyCount:
    """Suspects among the images examined.

    Attributes:
        examined: images.
        suspects: of them.
        upper_bound: of the share of suspects in the whole set, 95 % one-sided (Clopper and Pearson).
        held_out_share: of held-out images that the same rule takes for suspects.
        p: how often so many are suspects where none is a copy.
    """

    examined: int
    suspects: int
    upper_bound: float
    held_out_share: float
    p: float

    @property
    def alarm(self) -> bool:
        """Whether there are more suspects than images that copy nothing give."""
        return self.p <= LEVEL

    @property
    def share(self) -> float:
        """Of suspects."""
        return self.suspects / self.examined if self.examined else 0.0


def calibrate(
    distances: Float[np.ndarray, " held_out"],
    own: Float[np.ndarray, " held_out"],
    classes: Int[np.ndarray, " held_out"],
    n_classes: int,
) -> Calibration:
    """Learns from held-out images what relative distance an image that copies nothing has.

    The threshold of a class lies five standard deviations below its center, on the logarithmic scale; both are a median
    and a median absolute deviation, so that held-out images which are copies themselves do not move them, and those of
    a class with few held-out images lean on all classes.

    Args:
        distances: to the nearest training image; nan: not comparable.
        own: of that training image to its nearest other.
        classes: of that training image.
        n_classes: of the study.
    """
    usable = np.isfinite(distances) & np.isfinite(own)
    distances, own, classes = distances[usable], own[usable], classes[usable]
    if not len(distances):
        nothing = np.ones(n_classes)
        return Calibration(nothing, nothing * 0, nothing * 0)
    of_all = float(np.median(own))
    typical = np.array([_leaning(own[classes == c], of_all, np.median) for c in range(n_classes)])
    logs = np.log(np.maximum(_relative(distances, own, typical[classes]), 1e-6))
    middle, spread = float(np.median(logs)), _deviation(logs)
    center = np.array([_leaning(logs[classes == c], middle, np.median) for c in range(n_classes)])
    spreads = np.array([_leaning(logs[classes == c], spread, _deviation) for c in range(n_classes)])
    return Calibration(typical, center, np.exp(center - _DEVIATIONS * np.maximum(spreads, _LEAST_SPREAD)))


def count_copies(suspects: Bool[np.ndarray, " synthetic"], held_out: Bool[np.ndarray, " held_out"]) -> CopyCount:
    """How many suspects there are, and whether images that copy nothing would give as many.

    ``p`` is the binomial probability of as many suspects at the share among held-out images, or at ``FAIR_SHARE`` where
    that is larger.

    Args:
        suspects: of the synthetic images examined.
        held_out: of the held-out images.
    """
    n, k = len(suspects), int(suspects.sum())
    share = float(held_out.mean()) if len(held_out) else 0.0
    return CopyCount(
        examined=n,
        suspects=k,
        upper_bound=float(stats.beta.ppf(1 - LEVEL, k + 1, n - k)) if k < n else 1.0,
        held_out_share=share,
        p=float(stats.binom.sf(k - 1, n, max(FAIR_SHARE, share))) if k else 1.0,
    )


def _relative(distances: np.ndarray, own: np.ndarray, typical: np.ndarray) -> np.ndarray:
    return distances / np.maximum(np.fmax(own, 0), _LEAST_OWN * typical)


def _leaning(values: np.ndarray, of_all: float, statistic: Callable[[np.ndarray], float]) -> float:
    """The class's own statistic and that of all images, weighted by how many images the class has."""
    if not len(values):
        return of_all
    return (len(values) * float(statistic(values)) + _PRIOR_IMAGES * of_all) / (len(values) + _PRIOR_IMAGES)


def _deviation(values: np.ndarray) -> float:
    """Standard deviation of a normal distribution with this median absolute deviation."""
    return float(stats.median_abs_deviation(values, scale="normal"))

"""Intervals of a share of images, exact or allowing for patients."""

import numpy as np
from jaxtyping import Bool, Shaped
from scipy import stats

Interval = tuple[float, float]


def proportion_interval(
    hits: Bool[np.ndarray, " images"], groups: Shaped[np.ndarray, " images"] | None = None, level: float = 0.95
) -> Interval:
    """Interval of the share of ``hits``: exact (Clopper and Pearson 1934), or Korn and Graubard's (1998) over groups.

    The latter is the exact interval of as many independent images as the groups are worth.

    Args:
        hits: of each image whether it counts.
        groups: patient or slide of each image; None: every image is a case of its own.
        level: of the interval.

    Returns:
        Both ends; nan without images, 0 and 1 for a single group.
    """
    if not len(hits):
        return float("nan"), float("nan")
    n = effective_size(hits, groups, level)
    return _clopper_pearson(float(np.mean(hits)) * n, n, level) if n > 0 else (0.0, 1.0)


def effective_size(
    hits: Bool[np.ndarray, " images"], groups: Shaped[np.ndarray, " images"] | None = None, level: float = 0.95
) -> float:
    """Number of independent images that say as much about the share of ``hits``.

    Where all images agree, it is the number of groups; 0 for a single group.
    """
    if groups is None:
        return float(len(hits))
    codes = np.unique(groups, return_inverse=True)[1]
    n, n_groups = len(hits), int(codes.max()) + 1
    if n_groups < 2:
        return 0.0
    share = hits.mean()
    if share in (0.0, 1.0):
        return float(n_groups)
    totals = np.bincount(codes, hits - share)
    variance = n_groups / (n_groups - 1) * (totals**2).sum() / n**2
    quantiles = stats.t.ppf((1 + level) / 2, [n - 1, n_groups - 1])
    of_images = share * (1 - share) * (quantiles[0] / quantiles[1]) ** 2
    return float(of_images / variance) if variance * n > of_images else float(n)


def _clopper_pearson(hits: float, n: float, level: float) -> Interval:
    tail = (1 - level) / 2
    low = stats.beta.ppf(tail, hits, n - hits + 1) if hits > 0 else 0.0
    high = stats.beta.ppf(1 - tail, hits + 1, n - hits) if hits < n else 1.0
    return float(low), float(high)

"""How much an attack takes, with its uncertainty, and the budget that takes half."""

from math import inf, nan, sqrt

import numpy as np
from jaxtyping import Float, Int
from scipy import stats


def halving_budget(eps: Float[np.ndarray, " budgets"], accuracy: Float[np.ndarray, " budgets"]) -> float:
    """The budget at which accuracy is half of what it is without any, linear between the budgets.

    Args:
        eps: rising, from 0.
        accuracy: at each of them.

    Returns:
        The first such budget; inf where the largest leaves more than half, nan where there is no accuracy to halve.
    """
    half = accuracy[0] / 2
    if half == 0:
        return nan
    reached = np.flatnonzero(accuracy <= half)
    if not len(reached):
        return inf
    k = int(reached[0])
    share = (accuracy[k - 1] - half) / (accuracy[k - 1] - accuracy[k])
    return float(eps[k - 1] + share * (eps[k] - eps[k - 1]))


def share_interval(
    scores: Float[np.ndarray, "replicates images"], groups: Int[np.ndarray, " images"] | None, level: float = 0.95
) -> tuple[float, float]:
    """Wilson's interval (1927) of the mean over images, for the networks at hand; never empty, also at 0 and 1.

    Where groups are known, the images count as many as would vary as their means do; at 0 and 1, as many as groups.

    Args:
        scores: 0 to 1 for each replicate and image; a replicate adds no image.
        groups: patient or slide of each image.
        level: of the interval.
    """
    by_image = scores.mean(axis=0)
    share, n = float(by_image.mean()), _effective_images(by_image, groups)
    z2 = float(stats.norm.isf((1 - level) / 2)) ** 2
    center = (share + z2 / (2 * n)) / (1 + z2 / n)
    reach = sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    return max(0.0, center - reach), min(1.0, center + reach)


def _effective_images(by_image: np.ndarray, groups: np.ndarray | None) -> float:
    n = len(by_image)
    if groups is None:
        return n
    codes = np.unique(groups, return_inverse=True)[1].reshape(-1)
    sums = np.bincount(codes, by_image - by_image.mean())
    n_groups, binomial = len(sums), by_image.mean() * (1 - by_image.mean()) / n
    if n_groups == 1 or binomial == 0:
        return n_groups
    variance = n_groups / (n_groups - 1) * np.square(sums).sum() / n**2
    return n / max(1.0, float(variance / binomial))

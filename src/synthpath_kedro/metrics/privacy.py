"""Whether a denoiser gives its training images away."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats


@dataclass(frozen=True)
class MembershipInference:
    """An attacker who calls the images with the lower loss members of the training set.

    Attributes:
        auc: probability that a training image has a lower loss than a held-out one; 0.5 is no leak.
        low: bound of the interval.
        high: bound of the interval.
        n_train: training images.
        n_held_out: held-out images.
    """

    auc: float
    low: float
    high: float
    n_train: int
    n_held_out: int


def membership_inference(
    train_losses: Float[np.ndarray, " train"], held_out_losses: Float[np.ndarray, " held_out"], level: float = 0.95
) -> MembershipInference:
    """AUC of telling training from held-out images by the denoiser's loss, with DeLong's interval (DeLong et al. 1988).

    Where every training loss lies below (or above) every held-out one, DeLong's variance is 0; the interval then
    reaches to the exact binomial bound for as many images as the smaller set has.

    Args:
        train_losses: one an image, averaged over the same noise levels as the held-out ones.
        held_out_losses: likewise.
        level: of the interval.

    Raises:
        ValueError: either set has fewer than two losses.
    """
    m, n = len(train_losses), len(held_out_losses)
    if min(m, n) < 2:
        raise ValueError(f"membership inference needs two losses of each set, got {m} and {n}")
    train_wins = 1 - _midrank_share(train_losses, held_out_losses)
    held_out_wins = _midrank_share(held_out_losses, train_losses)
    auc = float(train_wins.mean())
    error = np.sqrt(train_wins.var(ddof=1) / m + held_out_wins.var(ddof=1) / n)
    margin = stats.norm.ppf((1 + level) / 2) * error
    if auc in (0.0, 1.0):
        margin = 1 - ((1 - level) / 2) ** (1 / min(m, n))
    return MembershipInference(auc, max(0.0, float(auc - margin)), min(1.0, float(auc + margin)), m, n)


def _midrank_share(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Share of ``others`` below each value, ties counted half."""
    ordered = np.sort(others)
    return (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")) / (2 * len(others))

"""Accuracy against the number of real images, and how many real images a synthetic set is worth.

At n real images the regime with synthetic images reaches an accuracy that the baseline, on real images alone, reaches
at n + k: the set is worth k real images. The baseline's curve is made monotone (isotonic regression) and is linear in
log n between the n that were trained at; beyond its ends it says nothing, and k is infinite there.

Intervals are from a bootstrap on two levels: test images (or patients), the same draw for every cell, and within each
cell the training seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from synthpath_kedro.metrics.bootstrap import resampled_weights

LEVEL = 0.95

Correct = Float[np.ndarray, "replicates images"]
"""1 where a replicate gets a test image right, else 0."""


@dataclass(frozen=True)
class Worth:
    """How many real images a synthetic set is worth at each n.

    Attributes:
        worth: float [n]; infinite where the regime is better than the baseline at any n, minus infinity where worse.
        ci_low: float [n], of the interval of ``LEVEL``; minus infinity where it reaches below the curve.
        ci_high: float [n]; infinite where it reaches beyond the curve.
    """

    worth: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray


def images_needed(
    n: Int[np.ndarray, " n"], curve: Float[np.ndarray, " n"], accuracy: Float[np.ndarray, " wanted"]
) -> Float[np.ndarray, " wanted"]:
    """The smallest number of images at which a monotone ``curve`` over ``n``, linear in log n, reaches ``accuracy``.

    Args:
        n: ascending.
        curve: not falling.
        accuracy: wanted.

    Returns:
        Infinity above the curve, minus infinity below it.
    """
    above = np.searchsorted(curve, accuracy, side="left")
    inside = (above > 0) & (above < len(curve))
    right = np.where(inside, above, 1)
    left, logs = right - 1, np.log(n)
    rise = np.where(inside, curve[right] - curve[left], 1)
    step = np.where(inside, accuracy - curve[left], 0) / rise
    needed = np.exp(logs[left] + step * (logs[right] - logs[left]))
    needed = np.where(above == len(curve), np.inf, needed)
    return np.where(above == 0, np.where(accuracy == curve[0], n[0], -np.inf), needed)


def worth_of(
    n: Int[np.ndarray, " n"], baseline: Float[np.ndarray, " n"], regime: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """The k of each n, from mean accuracies of baseline and regime there."""
    from sklearn.isotonic import isotonic_regression

    return images_needed(n, np.asarray(isotonic_regression(baseline)), regime) - n


def real_images_worth(
    n: Int[np.ndarray, " n"],
    baseline: Sequence[Correct],
    regime: Sequence[Correct],
    groups: Int[np.ndarray, " images"] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Worth:
    """The k of each n with its interval.

    Args:
        n: real training images, ascending, two at least.
        baseline: at each n, which test images each replicate gets right.
        regime: likewise.
        groups: patient or slide of each test image; whole groups are resampled.
        resamples: bootstrap draws.
        seed: of the draws.
    """
    means = np.array([cell.mean() for cell in (*baseline, *regime)]).reshape(2, len(n))
    drawn = resampled_accuracies([*baseline, *regime], groups, resamples, seed).reshape(2, len(n), resamples)
    worths = np.array([worth_of(n, *drawn[:, :, draw]) for draw in range(resamples)])
    low, high = central(worths)
    return Worth(worth_of(n, *means), low, high)


def resampled_accuracies(
    cells: Sequence[Correct], groups: Int[np.ndarray, " images"] | None, resamples: int, seed: int
) -> Float[np.ndarray, "cells resamples"]:
    """Each cell's mean accuracy in every draw of test images (the same for all cells) and of its own replicates.

    A mean of R replicates that are drawn again varies too little by (R - 1) / R, which is made up for.
    """
    weights = resampled_weights(cells[0].shape[1], groups, resamples, seed).astype(np.float64)
    weights /= weights.sum(axis=1, keepdims=True)
    generator = np.random.default_rng((seed, 1))
    drawn = np.empty((len(cells), resamples))
    for cell, row in zip(cells, drawn, strict=True):
        accuracies = cell @ weights.T
        mean, r = accuracies.mean(axis=0), len(cell)
        chosen = generator.integers(0, r, (r, resamples))
        of_chosen = np.take_along_axis(accuracies, chosen, axis=0).mean(axis=0)
        row[:] = np.clip(mean + np.sqrt(r / max(1, r - 1)) * (of_chosen - mean), 0, 1)
    return drawn


def central(draws: Float[np.ndarray, "resamples n"]) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Ends of the central ``LEVEL`` of the draws, infinite ones among them."""
    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    low, high = np.quantile(draws, ends, axis=0, method="inverted_cdf")
    return low, high

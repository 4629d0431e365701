"""Which real and which synthetic images are in which batch of an epoch."""

from fractions import Fraction
from math import ceil

import numpy as np

from synthpath_kedro.errors import InputError
from synthpath_kedro.study.regimes import Regime

Batch = tuple[np.ndarray, np.ndarray]

_REAL, _SYNTHETIC, _CLASSES, _OF_CLASS = range(4)


def images_per_epoch(regime: Regime, n_real: int, mixing_ratio: float) -> int:
    """Training images of an epoch: ``n_real``, or 1 / (1 - ``mixing_ratio``) times as many where it is extended."""
    return round(n_real * regime.length(mixing_ratio))


def steps_per_epoch(regime: Regime, n_real: int, batch_size: int, mixing_ratio: float) -> int:
    """Optimizer steps of an epoch: the same in every regime that is not extended."""
    return ceil(ceil(n_real / batch_size) * regime.length(mixing_ratio))


def regime_batches(
    regime: Regime,
    n_real: int,
    n_synthetic: int,
    batch_size: int,
    mixing_ratio: float,
    seed: int,
    epoch: int,
    real_labels: np.ndarray | None = None,
) -> list[Batch]:
    """The batches of one epoch.

    An epoch has ``n_real`` images in ceil(n_real / batch_size) batches, so that only the data differs; an extended
    regime's has 1 / (1 - mixing_ratio) times as many of both, so that at that share every real image is in it once.
    The batches' sizes differ by at most one image: a last batch of one image would upset batch norm. Every batch holds
    the regime's share of synthetic images, rounded so that the epoch's total is exact (largest remainder). Each source
    walks a seeded permutation of its own, a new one when it is through, from where the last epoch left it; it does not
    depend on the regime, but that a balanced one walks through the classes, and through each class by itself.

    Args:
        regime: decides the synthetic share, the length and whether classes are balanced.
        n_real: real training images.
        n_synthetic: synthetic images; 0 where there are none.
        batch_size: images per batch, at most.
        mixing_ratio: synthetic share under mixed, in [0, 1]; below 1 where the regime is extended.
        seed: decides the permutations.
        epoch: from 0.
        real_labels: int64 [n_real], for a balanced regime.

    Returns:
        A pair (indices of real images, indices of synthetic images) a batch, int64.

    Raises:
        InputError: the regime needs synthetic images and there are none.
    """
    share = regime.share(mixing_ratio)
    if share > 0 and n_synthetic == 0:
        raise InputError(
            f"regime {regime.name} needs synthetic images and there are none; run the synthesis pipeline first"
        )
    n_images = images_per_epoch(regime, n_real, mixing_ratio)
    sizes = np.diff(_cuts(n_images, steps_per_epoch(regime, n_real, batch_size, mixing_ratio)))
    synthetic = _largest_remainder(sizes, share)
    real = sizes - synthetic
    n = int(real.sum())
    if regime.balanced:
        real_walk = _balanced_walk(np.asarray(real_labels), seed, epoch * n, n)
    else:
        real_walk = _walk(n_real, (seed, _REAL), epoch * n, n)
    synthetic_walk = _walk(n_synthetic, (seed, _SYNTHETIC), epoch * int(synthetic.sum()), int(synthetic.sum()))
    return list(
        zip(np.split(real_walk, real.cumsum()[:-1]), np.split(synthetic_walk, synthetic.cumsum()[:-1]), strict=True)
    )


def _cuts(total: int, n_parts: int) -> np.ndarray:
    return np.arange(n_parts + 1) * total // n_parts


def _largest_remainder(sizes: np.ndarray, share: Fraction) -> np.ndarray:
    """``share`` of each of ``sizes``, rounded to whole numbers whose sum is ``share`` of the whole, rounded."""
    quotas = sizes * share.numerator
    floors, remainders = quotas // share.denominator, quotas % share.denominator
    total = round(int(sizes.sum()) * share)
    largest_first = np.argsort(-remainders, kind="stable")
    floors[largest_first[: total - int(floors.sum())]] += 1
    return floors


def _walk(n: int, key: tuple[int, ...], start: int, count: int) -> np.ndarray:
    """Entries ``start`` to ``start + count`` of the endless row of seeded permutations of range(n)."""
    if count == 0:
        return np.empty(0, np.int64)
    first, last = start // n, (start + count - 1) // n
    rounds = [np.random.default_rng((*key, turn)).permutation(n) for turn in range(first, last + 1)]
    return np.concatenate(rounds)[start - first * n :][:count]


def _balanced_walk(labels: np.ndarray, seed: int, start: int, count: int) -> np.ndarray:
    """Entries of an endless row in which every class stands once per turn, each with the next image of its own."""
    of_class = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    classes = _walk(len(of_class), (seed, _CLASSES), start, count)
    turns = np.arange(start, start + count) // len(of_class)
    walk = np.empty(count, np.int64)
    for number, images in enumerate(of_class):
        places = np.flatnonzero(classes == number)
        if len(places):
            walk[places] = images[_walk(len(images), (seed, _OF_CLASS, number), int(turns[places[0]]), len(places))]
    return walk

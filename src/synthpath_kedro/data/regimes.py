"""Which real and which synthetic images are in which batch of an epoch."""

from fractions import Fraction

import numpy as np

from synthpath_kedro.errors import InputError
from synthpath_kedro.study.regimes import Regime

Batch = tuple[np.ndarray, np.ndarray]

_REAL, _SYNTHETIC = 0, 1


def steps_per_epoch(n_real: int, batch_size: int) -> int:
    """Optimizer steps per epoch, the same in every regime."""
    return -(-n_real // batch_size)


def regime_batches(
    regime: Regime, n_real: int, n_synthetic: int, batch_size: int, mixing_ratio: float, seed: int, epoch: int
) -> list[Batch]:
    """The batches of one epoch.

    An epoch has ``n_real`` images in ceil(n_real / batch_size) batches in every regime, so that only the data differs.
    The batches' sizes differ by at most one image: a last batch of one image would upset batch norm. Every batch holds
    the regime's share of synthetic images, rounded so that the epoch's total is exact (largest remainder). Each source
    walks a seeded permutation of its own, a new one when it is through, from where the last epoch left it; it does not
    depend on the regime.

    Args:
        regime: decides the synthetic share.
        n_real: real training images.
        n_synthetic: synthetic images; 0 where there are none.
        batch_size: images per batch, at most.
        mixing_ratio: synthetic share under mixed, in [0, 1].
        seed: decides the permutations.
        epoch: from 0.

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
    sizes = np.diff(_cuts(n_real, steps_per_epoch(n_real, batch_size)))
    synthetic = _largest_remainder(sizes, share)
    real = sizes - synthetic
    real_walk = _walk(n_real, (seed, _REAL), epoch * int(real.sum()), int(real.sum()))
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


def _walk(n: int, key: tuple[int, int], start: int, count: int) -> np.ndarray:
    """Entries ``start`` to ``start + count`` of the endless row of seeded permutations of range(n)."""
    if count == 0:
        return np.empty(0, np.int64)
    first, last = start // n, (start + count - 1) // n
    rounds = [np.random.default_rng((*key, turn)).permutation(n) for turn in range(first, last + 1)]
    return np.concatenate(rounds)[start - first * n :][:count]

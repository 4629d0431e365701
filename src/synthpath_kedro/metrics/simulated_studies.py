"""Whole studies with a known answer, to measure how often the verdict procedure errs and how often it finds a gain."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from jaxtyping import Float

from synthpath_kedro.metrics.significance import holm, two_sided_p

_REGIMES = 3
_EASY, _HARD, _DISPUTED = 0.75, 0.15, 0.10
_EASY_RIGHT, _HARD_RIGHT = 0.99, 0.6
_DISPUTED_RIGHT = np.array([0.05, 0.95], dtype=np.float32)
_BLOCK = 2**22


@dataclass(frozen=True)
class StudyDesign:
    """What a simulated study looks like.

    Attributes:
        n: test images.
        replicates: seeds per cell, 2 or more.
        seed_spread: standard deviation of a replicate's true accuracy (0.01 is a point).
        gain: by which both regimes' true accuracy exceeds the baseline's, at most 0.045.
        models: classifiers a study.
    """

    n: int
    replicates: int
    seed_spread: float
    gain: float = 0.0
    models: int = 5


@dataclass(frozen=True)
class StudyOutcomes:
    """Holm's p-values and the differences they belong to, one study a row: two comparisons a model."""

    p_holm: Float[np.ndarray, "studies comparisons"]
    differences: Float[np.ndarray, "studies comparisons"]

    def family_wise_error(self, level: float = 0.05) -> float:
        """Share of studies with at least one verdict other than 'no evidence' (an error where there is no gain)."""
        return float((self.p_holm <= level).any(axis=1).mean())

    def power(self, level: float = 0.05) -> float:
        """Share of comparisons with the verdict 'helps'."""
        return float(((self.p_holm <= level) & (self.differences > 0)).mean())


def simulate_studies(design: StudyDesign, studies: int, seed: int) -> StudyOutcomes:
    """Draws studies and runs the procedure of ``significance`` on each.

    Test images are drawn from a population in which three quarters are easy (right with probability 0.99), 15 % hard
    (0.6) and 10 % disputed: each regime, whatever the seed, tends to get such an image right (0.95) or wrong (0.05).
    A seed moves the hard images, a gain tips the disputed ones. A classifier is right on 88 % of images.
    """
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // (design.models * _REGIMES * design.replicates * design.n))
    sizes = [min(block, studies - start) for start in range(0, studies, block)]
    p, differences = zip(*(_run(design, size, rng) for size in sizes), strict=True)
    return StudyOutcomes(holm(np.concatenate(p)), np.concatenate(differences))


def power_table(
    gain: float,
    images: Iterable[int] = (165, 1000, 7180),
    replicates: Iterable[int] = (3, 5),
    seed_spreads: Iterable[float] = (0.0, 0.007, 0.015),
    studies: int = 300,
    seed: int = 0,
) -> pd.DataFrame:
    """How often a true ``gain`` gets the verdict 'helps', by test images, replicates and seed spread.

    Returns:
        Columns ``n, replicates, seed_spread, gain, studies, power``.
    """
    rows = []
    for n, r, spread in product(images, replicates, seed_spreads):
        power = simulate_studies(StudyDesign(n, r, spread, gain), studies, seed).power()
        row = {"n": n, "replicates": r, "seed_spread": spread, "gain": gain, "studies": studies, "power": power}
        rows.append(row)
    return pd.DataFrame(rows)


def _run(design: StudyDesign, studies: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """p-values and differences [studies, 2 models] of one block of studies."""
    by_image, accuracies = _predictions(design, studies, rng)
    gaps = by_image[1:] - by_image[:1]
    differences = gaps.mean(axis=-1, dtype=np.float64)
    image_error = gaps.var(axis=-1, ddof=1, dtype=np.float64) / design.n
    seed_variance = accuracies.var(axis=-1, ddof=1).mean(axis=0)
    error = np.sqrt(2 * seed_variance / design.replicates + image_error)
    p = two_sided_p(differences, error, _REGIMES * (design.replicates - 1))
    return np.concatenate(p, axis=-1), np.concatenate(differences, axis=-1)


def _predictions(design: StudyDesign, studies: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Share of replicates right on each image [3, studies, models, n]; accuracies [3, studies, models, replicates]."""
    cells = (studies, design.models)
    kind = rng.choice(3, size=(studies, 1, 1, design.n), p=[_EASY, _HARD, _DISPUTED])
    by_image = np.empty((_REGIMES, *cells, design.n), dtype=np.float32)
    accuracies = np.empty((_REGIMES, *cells, design.replicates))
    for regime in range(_REGIMES):
        tip = 0.5 + (design.gain if regime else 0) / (_DISPUTED * float(np.ptp(_DISPUTED_RIGHT)))
        disputed = _DISPUTED_RIGHT[(rng.random((*cells, 1, design.n), dtype=np.float32) < tip).astype(np.intp)]
        shift = rng.normal(0, design.seed_spread / _HARD, (*cells, design.replicates, 1)).astype(np.float32)
        chance = np.where(kind == 0, np.float32(_EASY_RIGHT), np.where(kind == 1, _HARD_RIGHT + shift, disputed))
        right = rng.random(chance.shape, dtype=np.float32) < chance
        by_image[regime] = right.mean(axis=2, dtype=np.float32)
        accuracies[regime] = right.mean(axis=3)
    return by_image, accuracies

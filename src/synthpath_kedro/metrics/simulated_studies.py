"""Whole studies with a known answer, to measure how often the verdict procedure errs and how often it finds a gain."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from synthpath_kedro.metrics.significance import holm
from synthpath_kedro.metrics.variance_components import Differences

REGIMES = 3

_EASY, _HARD, _DISPUTED = 0.75, 0.15, 0.10
_EASY_RIGHT, _HARD_RIGHT = 0.99, 0.6
_DISPUTED_RIGHT = np.array([0.05, 0.95], dtype=np.float32)
_FAILURE = 0.2
_NARROW = 0.03
_BLOCK = 2**23


@dataclass(frozen=True)
class StudyDesign:
    """What a simulated study looks like.

    Attributes:
        n: test images.
        replicates: seeds per cell, 2 or more.
        seed_std: standard deviation of a replicate's true accuracy (0.01 is a point): one number, or one per regime
            (the baseline first), or for each model one per regime.
        gain: by which the true accuracy of both regimes exceeds the baseline's, at most 0.045.
        models: classifiers per study.
        failing: share of replicates that lose a fifth of their accuracy.
        shared: share of disputed images on which all regimes agree.
        patients: that the images come from, in unequal parts; 0: each image is a case of its own.
        within_patient: share of images that are as hard as, and disputed alike with, the rest of their patient's.
        patients_known: the procedure knows which image is whose.
    """

    n: int
    replicates: int
    seed_std: float | tuple[float, ...] | tuple[tuple[float, ...], ...]
    gain: float = 0.0
    models: int = 5
    failing: float = 0.0
    shared: float = 0.0
    patients: int = 0
    within_patient: float = 0.8
    patients_known: bool = True

    @property
    def seed_stds(self) -> Float[np.ndarray, "models regimes"]:
        """``seed_std`` of every cell."""
        return np.broadcast_to(np.asarray(self.seed_std, dtype=np.float32), (self.models, REGIMES))


@dataclass(frozen=True)
class StudyOutcomes:
    """Holm's p-values and the differences they belong to, one study a row: two comparisons a model."""

    p_holm: Float[np.ndarray, "studies comparisons"]
    differences: Float[np.ndarray, "studies comparisons"]

    def family_wise_error(self, level: float = 0.05) -> float:
        """Share of studies with a verdict other than no evidence (an error where there is no gain)."""
        return float((self.p_holm <= level).any(axis=1).mean())

    def power(self, level: float = 0.05) -> float:
        """Share of comparisons with the verdict helps."""
        return float(((self.p_holm <= level) & (self.differences > 0)).mean())


def simulate_studies(design: StudyDesign, studies: int, seed: int) -> StudyOutcomes:
    """Draws studies and runs the procedure of ``significance`` on each.

    Test images are drawn from a population in which three quarters are easy (right with probability 0.99), 15 % hard
    (0.6) and 10 % disputed: each regime, whatever the seed, tends to get such an image right (0.95) or wrong (0.05).
    A seed moves the hard images, a gain tips the disputed ones. A classifier is right on 88 % of images. Where seeds
    move accuracy by more than three points, they move all images, and easy ones are right less often.
    """
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // (design.models * REGIMES * design.replicates * design.n))
    sizes = [min(block, studies - start) for start in range(0, studies, block)]
    parts = [_judge(*draw_predictions(design, size, rng), known=design.patients_known) for size in sizes]
    return StudyOutcomes(np.concatenate([p for p, _ in parts]), np.concatenate([difference for _, difference in parts]))


def power_table(
    gain: float,
    images: Iterable[int] = (165, 1000, 7180),
    replicates: Iterable[int] = (3, 5),
    seed_stds: Iterable[float] = (0.0, 0.007, 0.015),
    studies: int = 300,
    seed: int = 0,
) -> pd.DataFrame:
    """How often a true ``gain`` gets the verdict helps, by test images, replicates and deviation between seeds.

    Returns:
        Columns ``n, replicates, seed_std, gain, studies, power``.
    """
    rows = []
    for n, r, std in product(images, replicates, seed_stds):
        power = simulate_studies(StudyDesign(n, r, std, gain), studies, seed).power()
        row = {"n": n, "replicates": r, "seed_std": std, "gain": gain, "studies": studies, "power": power}
        rows.append(row)
    return pd.DataFrame(rows)


def draw_predictions(
    design: StudyDesign, studies: int, rng: np.random.Generator
) -> tuple[Bool[np.ndarray, "regimes studies models replicates images"], Int[np.ndarray, " images"] | None]:
    """Which images every replicate gets right, and the images' patients where the design has any."""
    patients = _patients(design, rng)
    easy, moved = _EASY_RIGHT, _HARD
    if design.seed_stds.max() > _NARROW:
        easy, moved = 1 - 1.4 * float(design.seed_stds.max()), 1.0
    kind = _uniform(design, patients, (studies, 1, 1), rng)
    is_disputed, is_hard = kind < _DISPUTED, (kind >= _DISPUTED) & (kind < _DISPUTED + _HARD)
    common = _uniform(design, patients, (studies, design.models, 1), rng)
    agreed = rng.random((studies, 1, 1, design.n), dtype=np.float32) < design.shared
    right = np.empty((REGIMES, studies, design.models, design.replicates, design.n), dtype=bool)
    for regime in range(REGIMES):
        tip = 0.5 + (design.gain if regime else 0) / (_DISPUTED * float(np.ptp(_DISPUTED_RIGHT)))
        own = _uniform(design, patients, (studies, design.models, 1), rng)
        tips = np.where(agreed, common, own) < tip
        chance = np.where(is_disputed, _DISPUTED_RIGHT[tips.astype(np.intp)], np.where(is_hard, _HARD_RIGHT, easy))
        cells = (studies, design.models, design.replicates, 1)
        shift = rng.normal(0, 1, cells) * design.seed_stds[:, regime, None, None] / moved
        shift = np.where(is_hard | (moved == 1), shift.astype(np.float32), 0)
        chance = chance + shift - _FAILURE * (rng.random(cells) < design.failing)
        right[regime] = rng.random(chance.shape, dtype=np.float32) < chance
    return right, patients


def _judge(right: np.ndarray, patients: np.ndarray | None, *, known: bool) -> tuple[np.ndarray, np.ndarray]:
    """Holm's p-values and differences [studies, 2 models] of one block of studies."""
    baseline, *regimes = right.astype(np.float32)
    parts = [Differences.of(regime - baseline, patients if known else None) for regime in regimes]
    comparisons = Differences.joined(parts).moderated()
    return holm(comparisons.p()), comparisons.mean


def _patients(design: StudyDesign, rng: np.random.Generator) -> np.ndarray | None:
    """Patient of each image; every patient has one or more."""
    if not design.patients:
        return None
    shares = rng.dirichlet(np.full(design.patients, 3.0))
    rest = rng.choice(design.patients, design.n - design.patients, p=shares)
    return np.concatenate([np.arange(design.patients), rest])


def _uniform(
    design: StudyDesign, patients: np.ndarray | None, shape: tuple[int, ...], rng: np.random.Generator
) -> Float[np.ndarray, "*shape images"]:
    """Numbers in [0, 1), equal for those images of a patient that are alike."""
    own = rng.random((*shape, design.n), dtype=np.float32)
    if patients is None:
        return own
    of_patient = rng.random((*shape, design.patients), dtype=np.float32)[..., patients]
    return np.where(rng.random(own.shape, dtype=np.float32) < design.within_patient, of_patient, own)

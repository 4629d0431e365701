"""Does a regime help a classifier: the study's verdicts, with the variance of images and of training seeds.

Tests over images alone (McNemar, bootstrap) treat the trained networks as fixed; another seed moves accuracy by about a
point, so they announce differences that a second training would not show. Here, per model, with R replicates a regime,

    D = mean accuracy of the regime - mean accuracy of the baseline
    SE^2 = 2 s^2 / R + v / n

where s^2 is the variance of accuracy between replicates, pooled over the regimes, and v the variance over images of the
replicate-averaged difference. D / SE is compared with a t distribution of 3 (R - 1) degrees of freedom, and Holm's
procedure runs over all models and comparisons. Everything is conditional on the one denoiser that made the images.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from scipy import stats

HELPS = "helps"
HURTS = "hurts"
NO_EVIDENCE = "no evidence"
ONE_REPLICATE = "no verdict: one replicate"
ONE_GROUP = "no verdict: one group"

Cell = tuple[str, str, str]
"""Model, regime, synthetic set ("" where the regime uses none)."""

Baseline = Callable[[Cell], Cell | None]


@dataclass(frozen=True)
class Comparison:
    """One regime against the baseline, for one model.

    Attributes:
        difference: of mean accuracies, regime less baseline.
        standard_error: over images and training seeds; nan where it cannot be known.
        degrees_of_freedom: of the t distribution; 0 where there is no verdict.
        obstacle: why there can be no verdict, or None.
    """

    difference: float
    standard_error: float
    degrees_of_freedom: int
    obstacle: str | None = None


def correctness(
    probabilities: Float[np.ndarray, "replicates images classes"], labels: Int[np.ndarray, " images"]
) -> Bool[np.ndarray, "replicates images"]:
    """Which images each replicate gets right."""
    return probabilities.argmax(axis=2) == labels


def verdicts(
    correct: Mapping[Cell, Bool[np.ndarray, "replicates images"]],
    baseline: Baseline,
    groups: Int[np.ndarray, " images"] | None = None,
    level: float = 0.05,
) -> pd.DataFrame:
    """The verdict on every cell that has a baseline, against it.

    Args:
        correct: by (model, regime, set); all on the same test images, in the same order.
        baseline: the cell that a cell is compared with, or None; one that is not in ``correct`` gives no row.
        groups: patient or slide of each image; the variance over images is then taken over groups.
        level: family-wise error over all rows.

    Returns:
        Columns ``model, regime, set, baseline, replicates, n, difference, standard_error, degrees_of_freedom, ci_low,
        ci_high, p, p_adjusted, mcnemar_p, verdict``. ``ci_low`` and ``ci_high`` bound the single comparison at
        1 - ``level``, before Holm. ``mcnemar_p`` is descriptive: the median over pairs of replicates of the exact test
        over images alone. ``verdict`` is "helps", "hurts", "no evidence", or "no verdict: ..." and why.

    Raises:
        ValueError: cells were evaluated on different numbers of images.
    """
    if len({right.shape[1] for right in correct.values()}) > 1:
        raise ValueError("cells must hold predictions for the same test images")
    rows = []
    for cell, a in correct.items():
        other = baseline(cell)
        if other is None or other not in correct:
            continue
        b, model = correct[other], cell[0]
        cells = [right for name, right in correct.items() if name[0] == model]
        names = dict(zip(("model", "regime", "set", "baseline"), (*cell, other[1]), strict=True))
        sizes = {"replicates": min(len(a), len(b)), "n": a.shape[1]}
        rows.append({**names, **sizes, **_figures(compare(a, b, cells, groups), level), **_mcnemar(a, b)})
    table = pd.DataFrame(rows, columns=[*_COLUMNS[:-3], "mcnemar_p", "obstacle"])
    table["p_adjusted"] = holm(table["p"].to_numpy(dtype=np.float64))
    table["verdict"] = [
        obstacle or (NO_EVIDENCE if p > level else HELPS if difference > 0 else HURTS)
        for obstacle, p, difference in zip(table["obstacle"], table["p_adjusted"], table["difference"], strict=True)
    ]
    return table[_COLUMNS]


def compare(
    regime: Bool[np.ndarray, "replicates images"],
    baseline: Bool[np.ndarray, "other_replicates images"],
    cells: Iterable[Bool[np.ndarray, "_ images"]],
    groups: Int[np.ndarray, " images"] | None = None,
) -> Comparison:
    """D and SE of the module's formula.

    Args:
        regime: which images each replicate gets right.
        baseline: likewise.
        cells: all of the model's cells, these two included, over which the variance between replicates is pooled.
        groups: of each image, or None.
    """
    image_differences = regime.mean(axis=0) - baseline.mean(axis=0)
    difference = float(image_differences.mean())
    if min(len(regime), len(baseline)) < 2:
        return Comparison(difference, np.nan, 0, ONE_REPLICATE)
    if groups is not None and len(np.unique(groups)) < 2:
        return Comparison(difference, np.nan, 0, ONE_GROUP)
    seed_variance, degrees_of_freedom = pooled_seed_variance([cell.mean(axis=1) for cell in cells])
    seed_error = seed_variance * (1 / len(regime) + 1 / len(baseline))
    if groups is not None:
        degrees_of_freedom = min(degrees_of_freedom, len(np.unique(groups)) - 1)
    standard_error = np.sqrt(seed_error + _image_error(image_differences, groups))
    return Comparison(difference, float(standard_error), degrees_of_freedom)


def pooled_seed_variance(accuracies: Iterable[np.ndarray]) -> tuple[float, int]:
    """Variance between replicates, pooled over cells, and its degrees of freedom.

    Args:
        accuracies: one array a cell, one number per replicate; cells with one replicate add nothing.
    """
    cells = [np.asarray(cell, dtype=np.float64) for cell in accuracies]
    degrees_of_freedom = sum(len(cell) - 1 for cell in cells)
    squares = sum(((cell - cell.mean()) ** 2).sum() for cell in cells)
    return float(squares / degrees_of_freedom), degrees_of_freedom


def two_sided_p(
    difference: np.ndarray | float, standard_error: np.ndarray | float, degrees_of_freedom: int
) -> np.ndarray | np.float64:
    """Two-sided p of D / SE under Student's t; without any error, 0 where D is not 0 and 1 where it is."""
    difference, standard_error = np.asarray(difference), np.asarray(standard_error)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(difference == 0, 0, np.abs(difference) / standard_error)
    return 2 * stats.t.sf(np.where(np.isnan(standard_error), np.nan, t), degrees_of_freedom)


def holm(p: Float[np.ndarray, "*studies comparisons"]) -> Float[np.ndarray, "*studies comparisons"]:
    """Holm's adjusted p-values over the last axis (Holm 1979); nan is no part of the family."""
    order = np.argsort(p, axis=-1)
    family = (~np.isnan(p)).sum(axis=-1, keepdims=True)
    factors = family - np.arange(p.shape[-1])
    raised = np.minimum(np.maximum.accumulate(np.take_along_axis(p, order, axis=-1) * factors, axis=-1), 1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, raised, axis=-1)
    return adjusted


def mcnemar_p(a: Bool[np.ndarray, " images"], b: Bool[np.ndarray, " images"]) -> float:
    """Exact McNemar test of two networks on the same images; it says nothing of the regimes that trained them."""
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    return float(stats.binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


_COLUMNS = [
    "model",
    "regime",
    "set",
    "baseline",
    "replicates",
    "n",
    "difference",
    "standard_error",
    "degrees_of_freedom",
    "ci_low",
    "ci_high",
    "p",
    "p_adjusted",
    "mcnemar_p",
    "verdict",
]


def _figures(comparison: Comparison, level: float) -> dict[str, float | str | None]:
    difference, error, df = comparison.difference, comparison.standard_error, comparison.degrees_of_freedom
    margin = stats.t.ppf(1 - level / 2, df) * error if df else np.nan
    return {
        "difference": difference,
        "standard_error": error,
        "degrees_of_freedom": df,
        "ci_low": difference - margin,
        "ci_high": difference + margin,
        "p": float(two_sided_p(difference, error, df)) if df else np.nan,
        "obstacle": comparison.obstacle,
    }


def _image_error(differences: np.ndarray, groups: np.ndarray | None) -> float:
    """The term v / n, or the variance of the mean over groups of images (each image a group gives the same)."""
    n = len(differences)
    if groups is None:
        return float(differences.var(ddof=1) / n) if n > 1 else float("nan")
    _, codes = np.unique(groups, return_inverse=True)
    sums = np.bincount(codes, weights=differences - differences.mean())
    return float(len(sums) / (len(sums) - 1) * (sums**2).sum() / n**2)


def _mcnemar(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    return {"mcnemar_p": float(np.median([mcnemar_p(x, y) for x, y in zip(a, b, strict=False)]))}

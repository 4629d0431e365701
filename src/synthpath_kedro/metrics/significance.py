"""Does a regime help a classifier: the study's verdicts, with the variance of test images and of training seeds.

Tests over images alone (McNemar, bootstrap) treat the trained networks as fixed; another seed moves accuracy by about a
point, so they announce differences that a second training would not show. ``variance_components`` has the error of a
difference; here every regime is compared with its baseline, and Holm's procedure runs over each family of comparisons.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from scipy import stats

from synthpath_kedro.metrics.variance_components import Differences

HELPS = "helps"
HURTS = "hurts"
NO_EVIDENCE = "no_evidence"
NO_VERDICT = "no_verdict"

MIN_IMAGES = 10
POWER = 0.8

Scores = Float[np.ndarray, "replicates images"]


@dataclass(frozen=True)
class Comparison:
    """One regime against its baseline, on the same test images.

    Attributes:
        regime: pseudo-values of each replicate and test image, see ``pseudo_values``.
        baseline: likewise; replicate k was trained with the seed of the regime's replicate k.
        groups: patient or slide of each image, which are the cases then; or None.
        family: comparisons of one family share the error of ``judge``.
        denoisers: networks that made the regime's synthetic images; replicate k used number k mod ``denoisers``.
        is_error: less is better.
    """

    regime: Scores
    baseline: Scores
    groups: Int[np.ndarray, " images"] | None = None
    family: str = ""
    denoisers: int = 1
    is_error: bool = False

    @property
    def replicates(self) -> int:
        """Replicates that both sides have."""
        return min(len(self.regime), len(self.baseline))

    @property
    def differences(self) -> Float[np.ndarray, "units images"]:
        """Replicate by replicate; where several denoisers serve more replicates, denoiser by denoiser."""
        differences = self.regime[: self.replicates] - self.baseline[: self.replicates]
        if not 1 < self.denoisers < self.replicates:
            return differences
        return np.stack([differences[k :: self.denoisers].mean(axis=0) for k in range(self.denoisers)])

    @property
    def obstacle(self) -> str:
        """Why there can be no verdict; "" where there can."""
        if self.replicates < 2:
            return "one replicate"
        if self.groups is not None and len(np.unique(self.groups)) < 2:
            return "one group"
        if self.regime.shape[1] < MIN_IMAGES:
            return f"fewer than {MIN_IMAGES} images"
        return "" if np.isfinite(self.differences).all() else "undefined on these images"


def judge(comparisons: Sequence[Comparison], margin: float, level: float = 0.05) -> pd.DataFrame:
    """The verdict on every comparison.

    Args:
        comparisons: all of a study that are about one metric, since their variances are moderated over each other.
        margin: a gain below it is small; a regime that is surely not worse by it is not inferior.
        level: family-wise error within each family, of the verdicts and of non-inferiority each.

    Returns:
        One row per comparison: ``difference, ci_low, ci_high, p_adjusted, verdict, small, non_inferior, margin, reason,
        p, standard_error, detectable, replicates, n``. The interval is of the single comparison at 1 - ``level``,
        before Holm. ``detectable``: a true difference that 80 of 100 such studies would find. ``verdict``: helps,
        hurts, no_evidence or no_verdict, about the sign alone; ``reason`` says why there is none. ``non_inferior``:
        a one-sided test against -``margin`` (one half of TOST; Schuirmann 1987), adjusted by Holm too.
    """
    facts = pd.DataFrame([_facts(one) for one in comparisons], columns=[*_FACTS, "family", "sign"])
    judged = facts[facts["reason"] == ""]
    table = facts.join(_estimates([comparisons[k] for k in judged.index], judged, margin, level))
    better = table["sign"] * table["difference"]
    table["verdict"] = np.select(
        [table["p"].isna(), table["p_adjusted"] > level, better > 0], [NO_VERDICT, NO_EVIDENCE, HELPS], HURTS
    )
    table["small"] = (better > 0) & (better < margin)
    table["non_inferior"] = table["p_non_inferior"] <= level
    return table.assign(margin=margin)[list(COLUMNS)]


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


COLUMNS = (
    *("difference", "ci_low", "ci_high", "p_adjusted", "verdict", "small", "non_inferior", "margin"),
    *("reason", "p", "standard_error", "detectable", "replicates", "n"),
)

_FACTS = ("difference", "reason", "replicates", "n")


def _facts(comparison: Comparison) -> dict[str, Any]:
    return {
        "difference": float(comparison.differences.mean()),
        "reason": comparison.obstacle,
        "replicates": comparison.replicates,
        "n": comparison.regime.shape[1],
        "family": comparison.family,
        "sign": -1.0 if comparison.is_error else 1.0,
    }


def _estimates(comparisons: Sequence[Comparison], facts: pd.DataFrame, margin: float, level: float) -> pd.DataFrame:
    """Errors and p-values of comparisons that can be judged; ``facts`` has a row for each."""
    columns = ("standard_error", "ci_low", "ci_high", "p", "p_adjusted", "p_non_inferior", "detectable")
    if not comparisons:
        return pd.DataFrame(columns=columns, dtype=float)
    errors = Differences.joined([Differences.of(one.differences[None], one.groups) for one in comparisons]).moderated()
    sign, mean, error = facts["sign"].to_numpy(), errors.mean, errors.standard_error
    reach = errors.critical_value(level) * error
    p, two_sided = errors.p(), errors.p(null=-sign * margin)
    p_inferior = np.where(sign * mean > -margin, two_sided / 2, 1 - two_sided / 2)
    family = facts["family"].to_numpy()
    first_step = level / np.array([(family == name).sum() for name in family])
    detectable = (errors.critical_value(first_step) + stats.norm.ppf(POWER)) * error
    values = (error, mean - reach, mean + reach, p, _within(family, p), _within(family, p_inferior), detectable)
    return pd.DataFrame(dict(zip(columns, values, strict=True)), index=facts.index)


def _within(family: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Holm's procedure over each family."""
    adjusted = np.empty_like(p)
    for name in np.unique(family):
        adjusted[family == name] = holm(p[family == name])
    return adjusted

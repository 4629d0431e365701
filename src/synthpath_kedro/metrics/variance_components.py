"""How sure the difference between two regimes is: seeds as readers, test images as cases.

The multi-reader multi-case analysis of radiology (Obuchowski and Rockette 1995; Hillis, Statistics in Medicine 2013)
with replicates for readers and test images, or patients, for cases. Replicate k of both regimes shares its first
weights and its order of real images, so that differences D[k, i] are taken replicate by replicate. Their mean has the
variance

    V = s^2 / R + C

s^2 is the variance between replicates, which holds the residual of image by seed once, and C the mean covariance
between *different* replicates over images, which holds none of it. Few replicates tell little of s^2: it is moderated
over the comparisons of the study (``moderate``). A critical value is the mean of Student's t of both components,
weighted by them (Cochran and Cox 1957).
"""

from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Float, Int
from scipy import special, stats

_LOG_SMALLEST_P = np.log(1e-15)
_BISECTIONS = 40


@dataclass(frozen=True)
class Differences:
    """Differences between two regimes with what their errors are made of; every array has the same shape.

    Attributes:
        mean: of the replicates' metrics, regime less baseline.
        seed_variance: s^2, of one replicate's difference.
        seed_df: degrees of freedom of ``seed_variance``.
        residual_variance: the part of ``seed_variance`` that is image by seed alone.
        case_variance: C, of the mean, 0 or more.
        case_df: degrees of freedom of ``case_variance``.
        replicates: R.
    """

    mean: Float[np.ndarray, "..."]
    seed_variance: Float[np.ndarray, "..."]
    seed_df: Float[np.ndarray, "..."]
    residual_variance: Float[np.ndarray, "..."]
    case_variance: Float[np.ndarray, "..."]
    case_df: Float[np.ndarray, "..."]
    replicates: Float[np.ndarray, "..."]

    @classmethod
    def of(
        cls, differences: Float[np.ndarray, "*studies replicates images"], groups: Int[np.ndarray, " images"] | None
    ) -> "Differences":
        """The components of D.

        Args:
            differences: D[k, i], whose mean over images is replicate k's difference; 2 replicates or more.
            groups: patient or slide of each image: these are the cases then, 2 or more.
        """
        n_replicates, n = differences.shape[-2:]
        means = differences.mean(axis=-1, dtype=np.float64)
        residuals = differences - means[..., None]
        cases = residuals if groups is None else _sums_by_group(residuals, groups)
        n_cases = cases.shape[-1]
        scale = n_cases / (n_cases - 1) / n**2
        own = scale * np.square(cases).sum(axis=(-2, -1)) / n_replicates
        of_mean = scale * np.square(cases.mean(axis=-2)).sum(axis=-1)
        shared = (n_replicates * of_mean - own) / (n_replicates - 1)
        shape = shared.shape
        return cls(
            mean=means.mean(axis=-1),
            seed_variance=means.var(axis=-1, ddof=1),
            seed_df=np.full(shape, n_replicates - 1.0),
            residual_variance=np.maximum(own - shared, 0),
            case_variance=np.maximum(shared, 0),
            case_df=_df_of_variance(cases.mean(axis=-2)),
            replicates=np.full(shape, float(n_replicates)),
        )

    @classmethod
    def joined(cls, parts: "list[Differences]") -> "Differences":
        """Comparisons side by side, along the last axis."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts], axis=-1) for name in names})

    def moderated(self) -> "Differences":
        """With ``seed_variance`` moderated over the last axis, and no less than ``residual_variance``."""
        variance, df = moderate(self.seed_variance, self.seed_df)
        return replace(self, seed_variance=np.maximum(variance, self.residual_variance), seed_df=df)

    @property
    def standard_error(self) -> Float[np.ndarray, "..."]:
        """Root of V."""
        return np.sqrt(self.seed_variance / self.replicates + self.case_variance)

    def critical_value(self, p: Float[np.ndarray, "..."] | float) -> Float[np.ndarray, "..."]:
        """How many standard errors a two-sided test at ``p`` asks for."""
        seed, case = self.seed_variance / self.replicates, self.case_variance
        t_seed, t_case = (stats.t.isf(np.asarray(p) / 2, df) for df in (self.seed_df, self.case_df))
        total = seed + case
        share = np.divide(seed, total, out=np.ones_like(total), where=total > 0)
        return share * t_seed + (1 - share) * t_case

    def p(self, null: Float[np.ndarray, "..."] | float = 0) -> Float[np.ndarray, "..."]:
        """Two-sided p of the mean against ``null``; without any error, 0 where they differ and 1 where not."""
        distance, error = np.abs(self.mean - null), self.standard_error
        t = np.divide(distance, error, out=np.zeros_like(distance), where=error > 0)
        low, high = np.full(t.shape, _LOG_SMALLEST_P), np.zeros(t.shape)
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            is_below = self.critical_value(np.exp(middle)) > t
            low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
        return np.where(error > 0, np.exp(high), (distance == 0).astype(np.float64))


PRIOR_COST = 2.0
DISTINCT = 2.0


def moderate(
    variance: Float[np.ndarray, "*studies comparisons"], df: Float[np.ndarray, "*studies comparisons"]
) -> tuple[Float[np.ndarray, "*studies comparisons"], Float[np.ndarray, "*studies comparisons"]]:
    """Moderated variances and their degrees of freedom: limma's squeezeVar (Smyth 2004, section 6.2), more cautious.

    The variances are taken as drawn from a scaled inverse chi-square distribution, whose scale s0^2 and degrees of
    freedom d0 are estimated from their logarithms; each variance is drawn towards s0^2 with weight d0. Because few
    comparisons tell little of d0, it is lessened by ``PRIOR_COST``; a variance above ``DISTINCT`` times s0^2 is never
    made smaller; and because comparisons share their baselines, none gets more than half of the degrees of freedom of
    all (or twice its own). The three rules hold the level where spreads differ (docs/evidence.md). A single variance
    is left as it is.
    """
    n = variance.shape[-1]
    if n < 2:
        return variance, df
    positive = np.maximum(variance, _smallest(variance))
    logs = np.log(positive) - special.digamma(df / 2) + np.log(df / 2)
    excess = logs.var(axis=-1, ddof=1, keepdims=True) - special.polygamma(1, df / 2).mean(axis=-1, keepdims=True)
    prior_df = np.where(excess > 0, 2 * _inverse_trigamma(np.where(excess > 0, excess, 1)), np.inf)
    finite = np.minimum(prior_df, 1e8)
    fitted = np.exp(logs.mean(axis=-1, keepdims=True) + special.digamma(finite / 2) - np.log(finite / 2))
    pooled = (df * variance).sum(axis=-1, keepdims=True) / df.sum(axis=-1, keepdims=True)
    prior = np.where(np.isinf(prior_df), pooled, fitted)
    weight = np.maximum(finite - PRIOR_COST, 0)
    squeezed = (weight * prior + df * variance) / (weight + df)
    kept = np.where(variance > DISTINCT * prior, np.maximum(squeezed, variance), squeezed)
    return kept, np.minimum(weight + df, np.maximum(df.sum(axis=-1, keepdims=True) / 2, 2 * df))


def _smallest(variance: np.ndarray) -> np.ndarray:
    """What stands for a variance of 0, whose logarithm is not finite (as in limma)."""
    return 1e-5 * np.median(variance, axis=-1, keepdims=True) + np.finfo(np.float64).tiny


def _inverse_trigamma(x: np.ndarray) -> np.ndarray:
    """Newton's method of Smyth (2004), appendix."""
    y = 0.5 + 1 / x
    for _ in range(20):
        trigamma = special.polygamma(1, y)
        y = y + trigamma * (1 - trigamma / x) / special.polygamma(2, y)
    return y


def _df_of_variance(cases: np.ndarray) -> np.ndarray:
    """Degrees of freedom of a variance over cases: 2 k / (kurtosis - 1), at most k - 1, as few cases may make it up."""
    n_cases = cases.shape[-1]
    squares = np.square(cases).sum(axis=-1)
    fourth = np.square(np.square(cases)).sum(axis=-1)
    kurtosis = np.divide(n_cases * fourth, squares**2, out=np.full(squares.shape, 2.0), where=squares > 0)
    return np.clip(2 * n_cases / np.maximum(kurtosis - 1, 1e-9), 1, n_cases - 1)


def _sums_by_group(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=groups[order[0]] - 1))
    return np.add.reduceat(values[..., order], starts, axis=-1)

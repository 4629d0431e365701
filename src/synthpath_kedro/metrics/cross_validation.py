"""The corrected resampled t-test, for scores of repeated cross-validation.

Folds share training images, so that their differences are not independent and their plain variance is too small.
Nadeau and Bengio (Machine Learning 52, 2003) correct it; Bouckaert and Frank (PAKDD 2004) use it for r repeats of k
folds. With differences d_1 ... d_kr of mean d and variance s^2,

    SE^2 = (1 / (k r) + n_test / n_train) s^2,    t = d / SE,    k r - 1 degrees of freedom.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats


@dataclass(frozen=True)
class CorrectedT:
    """The test of one comparison.

    Attributes:
        difference: mean over folds.
        standard_error: corrected; nan for a single fold.
        degrees_of_freedom: k r - 1.
        p: two-sided; nan for a single fold.
    """

    difference: float
    standard_error: float
    degrees_of_freedom: int
    p: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Two-sided, of this comparison by itself."""
        reach = self._reach((1 + level) / 2)
        return self.difference - reach, self.difference + reach

    def lower_bound(self, level: float = 0.95) -> float:
        """One-sided."""
        return self.difference - self._reach(level)

    def _reach(self, quantile: float) -> float:
        return float(stats.t.ppf(quantile, self.degrees_of_freedom) * self.standard_error)


def corrected_resampled_t(differences: Float[np.ndarray, " folds"], n_train: float, n_test: float) -> CorrectedT:
    """The module's test.

    Args:
        differences: regime less baseline on the held-out images of each fold of each repeat.
        n_train: training images of a fold, the mean over folds.
        n_test: held-out images of a fold, likewise.
    """
    folds, difference = len(differences), float(np.mean(differences))
    if folds < 2:
        return CorrectedT(difference, float("nan"), 0, float("nan"))
    variance = (1 / folds + n_test / n_train) * float(np.var(differences, ddof=1))
    error = float(np.sqrt(variance))
    if error == 0:
        return CorrectedT(difference, 0.0, folds - 1, float(difference == 0))
    return CorrectedT(difference, error, folds - 1, float(2 * stats.t.sf(abs(difference) / error, folds - 1)))

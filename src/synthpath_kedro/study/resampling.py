"""The studies that train generator and classifiers again on parts of the data: which parts, under which regimes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthpath_kedro.study.regimes import REGIMES

if TYPE_CHECKING:
    from synthpath_kedro.parameters import Parameters

WHOLE = 1.0
"""The fraction that is all of the training images."""


@dataclass(frozen=True)
class Resampling:
    """What the learning curve and the cross-validation of a study are about.

    Attributes:
        fractions: of the learning curve, ascending.
        regimes: of the learning curve.
        synthetic_counts: synthetic images per real training image, at the same number of steps.
        repeats: of the cross-validation.
        folds: of each repeat.
    """

    fractions: tuple[float, ...] = (0.05, 0.1, 0.25, 0.5, WHOLE)
    regimes: tuple[str, ...] = ("real", "mixed")
    synthetic_counts: tuple[float, ...] = (0.5, 1, 2, 4, 8)
    repeats: int = 3
    folds: int = 5

    @classmethod
    def from_parameters(cls, parameters: "Parameters") -> "Resampling":
        curve, validation = parameters.classification.learning_curve, parameters.evaluation.cross_validation
        return cls(
            tuple(sorted(curve.fractions)),
            curve.regimes,
            tuple(sorted(curve.synthetic_counts)),
            validation.repeats,
            validation.folds,
        )

    @property
    def parts_of_curve(self) -> Mapping[str, float]:
        """By name the fractions at which something is trained: those of the curve, and all for the counts."""
        needed = {*self.fractions, *([WHOLE] if self.counted_regimes else [])}
        return {f"at_{100 * fraction:g}".replace(".", "_"): fraction for fraction in sorted(needed)}

    @property
    def counted_regimes(self) -> tuple[str, ...]:
        """The regimes that are trained at several counts of synthetic images."""
        return tuple(name for name in self.regimes if REGIMES[name].uses_synthetic) if self.synthetic_counts else ()

    @property
    def folds_of_repeats(self) -> Mapping[str, tuple[int, int]]:
        """By name every (repeat, fold), both from 0."""
        pairs = [(repeat, fold) for repeat in range(self.repeats) for fold in range(self.folds)]
        return {f"repeat_{repeat}_fold_{fold}": (repeat, fold) for repeat, fold in pairs}

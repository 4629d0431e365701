"""The regimes: what the training batches of a cell hold. A new one is a line here."""

from dataclasses import dataclass
from fractions import Fraction

from synthpath_kedro.study.table import Table


@dataclass(frozen=True)
class Regime:
    """What a classifier trains on.

    Attributes:
        name: in parameters, paths and tables.
        label: in print.
        synthetic_share: of every batch, 0 to 1; None: the parameter ``classification.mixing_ratio``.
        augment: random flips and quarter turns of every training image.
        baseline: name of the regime that it is compared with; None for a baseline.
        color: of its lines and points.
        marker: of its points (matplotlib).
    """

    name: str
    label: str
    synthetic_share: float | None
    augment: bool = False
    baseline: str | None = None
    color: str = "#6b7280"
    marker: str = "D"

    @property
    def uses_synthetic(self) -> bool:
        """Whether a cell of this regime needs a synthetic set."""
        return self.synthetic_share != 0

    def share(self, mixing_ratio: float) -> Fraction:
        """The synthetic share of every batch, where ``mixing_ratio`` is that of a mixed one."""
        return Fraction(str(mixing_ratio if self.synthetic_share is None else self.synthetic_share))


REGIMES = Table(
    "regime",
    Regime("real", "real", 0, color="#2936a6", marker="o"),
    Regime("synthetic", "synthetic", 1, baseline="real", color="#d8741a", marker="s"),
    Regime("mixed", "mixed", None, baseline="real", color="#0f8a7d", marker="^"),
    Regime("real_augmented", "real, augmented", 0, augment=True, color="#7b86d6", marker="P"),
    Regime(
        "mixed_augmented",
        "mixed, augmented",
        None,
        augment=True,
        baseline="real_augmented",
        color="#6cc7bd",
        marker="X",
    ),
)

"""The study's grid: every model under every regime."""

from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from synthpath_kedro.parameters import ALL, MODELS, REGIMES, Parameters


class Cell(NamedTuple):
    """One model under one regime; holds one or more replicates."""

    model: str
    regime: str

    @property
    def namespace(self) -> str:
        """Namespace of the cell's nodes and datasets, such as "clip.mixed"."""
        return f"{self.model}.{self.regime}"


@dataclass(frozen=True)
class Grid:
    """The cells of a study, and which of them a run is about.

    Attributes:
        models: of the study.
        regimes: of the study.
        model: the one that a run is about, or all.
        regime: the one that a run is about, or all.
        sweep_ratios: mixing ratios of the ratio sweep.
        selection_model: whose real cell chooses among the synthetic images, or None.
    """

    models: tuple[str, ...] = MODELS
    regimes: tuple[str, ...] = REGIMES
    model: str = ALL
    regime: str = ALL
    sweep_ratios: tuple[float, ...] = (0, 0.25, 0.5, 0.75, 1)
    selection_model: str | None = None

    @classmethod
    def from_parameters(cls, parameters: Parameters) -> "Grid":
        study = parameters.classification
        return cls(
            study.models,
            study.regimes,
            parameters.model,
            parameters.regime,
            study.sweep_ratios,
            study.selection.model,
        )

    @property
    def whole(self) -> bool:
        """Whether the run is about every cell."""
        return (self.model, self.regime) == (ALL, ALL)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell of the study."""
        return tuple(Cell(model, regime) for model, regime in product(self.models, self.regimes))

    @property
    def selected_models(self) -> tuple[str, ...]:
        """The models that the parameter ``model`` names."""
        return self.models if self.model == ALL else (self.model,)

    @property
    def selected(self) -> tuple[Cell, ...]:
        """The cells that the parameters ``model`` and ``regime`` name."""
        return tuple(
            cell for cell in self.cells if self.model in (ALL, cell.model) and self.regime in (ALL, cell.regime)
        )

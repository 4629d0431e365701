"""The study's grid: every model under every regime, on every synthetic set that the regime uses."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from synthpath_kedro.study.generators import GENERATORS, Generator
from synthpath_kedro.study.models import FAMILIES
from synthpath_kedro.study.regimes import REGIMES
from synthpath_kedro.study.resampling import Resampling

if TYPE_CHECKING:
    from synthpath_kedro.parameters import Parameters

ALL = "all"
PUBLISHED_MODELS = ("cnn", "resnet18", "dinov2", "clip", "efficientnet_lite0")
PUBLISHED_REGIMES = ("real", "synthetic", "mixed")


class Cell(NamedTuple):
    """One model under one regime, on one synthetic set where the regime uses any; holds one or more replicates.

    Attributes:
        model: in ``classification.models``.
        regime: one of ``REGIMES``.
        set: name of the synthetic set; "" where the regime uses none.
        several_sets: the study has more than one set, so that the set is part of the cell's paths.
    """

    model: str
    regime: str
    set: str = ""
    several_sets: bool = False

    @property
    def name(self) -> str:
        """In words: "clip/mixed", or "clip/mixed/gan" where the study has several sets."""
        return "/".join(self._parts)

    @property
    def namespace(self) -> str:
        """Of the cell's nodes and datasets, such as "clip.mixed"."""
        return ".".join(self._parts)

    @property
    def baseline(self) -> "Cell | None":
        """The cell that it is compared with; None for a baseline."""
        baseline = REGIMES.find(self.regime).baseline
        if baseline is None:
            return None
        return self._replace(regime=baseline, set=self.set if REGIMES.find(baseline).uses_synthetic else "")

    @property
    def _parts(self) -> tuple[str, ...]:
        return (self.model, self.regime, *([self.set] if self.set and self.several_sets else []))


@dataclass(frozen=True)
class Grid:
    """The cells of a study, and which of them a run is about.

    Attributes:
        models: of the study; for each whether a part of it is frozen.
        regimes: of the study.
        sets: the study's synthetic sets: for each its generator.
        model: the one that a run is about, or all.
        regime: the one that a run is about, or all.
        sweep_ratios: mixing ratios of the ratio sweep.
        filtering_model: whose real cell filters the synthetic images, or None.
        exports: the synthetic sets are written for other training scripts too.
        resampling: the parts of the data that learning curve and cross-validation train on.
    """

    models: dict[str, bool] = field(
        default_factory=lambda: {name: FAMILIES[name].has_frozen_backbone() for name in PUBLISHED_MODELS}
    )
    regimes: tuple[str, ...] = PUBLISHED_REGIMES
    sets: dict[str, Generator] = field(default_factory=lambda: {"diffusion": GENERATORS["diffusion"]})
    model: str = ALL
    regime: str = ALL
    sweep_ratios: tuple[float, ...] = (0, 0.25, 0.5, 0.75, 1)
    filtering_model: str | None = None
    exports: bool = False
    resampling: Resampling = field(default_factory=Resampling)

    @classmethod
    def from_parameters(cls, parameters: "Parameters") -> "Grid":
        study = parameters.classification
        return cls(
            {model: study.has_frozen_backbone(model) for model in study.models},
            study.regimes,
            {name: GENERATORS[one.source] for name, one in parameters.synthesis.synthetic_sets.items()},
            parameters.model,
            parameters.regime,
            study.sweep_ratios,
            study.confidence_filtering.model,
            parameters.synthesis.export != "none",
            resampling=Resampling.from_parameters(parameters),
        )

    @property
    def needs_denoiser(self) -> bool:
        """Whether a synthetic set of the study is sampled from the denoiser."""
        return any(generator.needs_denoiser for generator in self.sets.values())

    def of_set(self, name: str, synthetic_set: str) -> str:
        """What the graph calls the dataset ``name`` of a set: "synthetic", or of several "synthetic/gan"."""
        return f"{name}/{synthetic_set}" if len(self.sets) > 1 else name

    @property
    def whole(self) -> bool:
        """Whether the run is about every cell."""
        return (self.model, self.regime) == (ALL, ALL)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell of the study."""
        return tuple(cell for model in self.models for cell in self.cells_under(model, self.regimes))

    def cells_under(self, model: str, regimes: Iterable[str]) -> tuple[Cell, ...]:
        """The cells of ``model`` under each of ``regimes``, of the study or not."""
        several = len(self.sets) > 1
        return tuple(
            Cell(model, regime, name, several)
            for regime in regimes
            for name in (self.sets if REGIMES[regime].uses_synthetic else [""])
        )

    @property
    def selected_models(self) -> tuple[str, ...]:
        """The models that the parameter ``model`` names."""
        return tuple(self.models) if self.model == ALL else (self.model,)

    @property
    def selected(self) -> tuple[Cell, ...]:
        """The cells that the parameters ``model`` and ``regime`` name."""
        return tuple(
            cell for cell in self.cells if self.model in (ALL, cell.model) and self.regime in (ALL, cell.regime)
        )

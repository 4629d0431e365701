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
        regimes: of the study, for models without their own.
        sets: the study's synthetic sets: for each its generator.
        model: the one that a run is about, or all.
        regime: the one that a run is about, or all.
        sweep_ratios: mixing ratios of the ratio sweep.
        filtering_model: whose real cell filters the synthetic images, or None.
        exports: the synthetic sets are written for other training scripts too.
        own_regimes: by model, of those that have their own.
        own_sets: by model, names of the sets that it is trained on, where these are not all.
        denoisers: trained for the set that is sampled from them; 1 where there is no such set.
        latent: the denoiser works on the latents of an autoencoder; never where there is no denoiser.
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
    own_regimes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    own_sets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    denoisers: int = 1
    latent: bool = False
    resampling: Resampling = field(default_factory=Resampling)

    @classmethod
    def from_parameters(cls, parameters: "Parameters") -> "Grid":
        study = parameters.classification
        blocks = {model: study.backbone(model) for model in study.models}
        sets = {name: GENERATORS[one.source] for name, one in parameters.synthesis.synthetic_sets.items()}
        augments = parameters.diffusion.augment and _needs_denoiser(sets)
        return cls(
            {model: study.has_frozen_backbone(model) for model in study.models},
            _with_augmented(study.regimes) if augments else study.regimes,
            sets,
            parameters.model,
            parameters.regime,
            study.sweep_ratios,
            study.confidence_filtering.model,
            parameters.synthesis.export != "none",
            {model: block.regimes for model, block in blocks.items() if block.regimes is not None},
            {
                model: own
                for model, block in blocks.items()
                if (own := _own_sets(model, block.sets, sets, parameters)) != tuple(sets)
            },
            parameters.diffusion.replicates if _needs_denoiser(sets) else 1,
            parameters.diffusion.latent is not None and _needs_denoiser(sets),
            resampling=Resampling.from_parameters(parameters),
        )

    def regimes_of(self, model: str) -> tuple[str, ...]:
        """The regimes that ``model`` is trained under."""
        return self.own_regimes.get(model, self.regimes)

    def sets_of(self, model: str) -> tuple[str, ...]:
        """The synthetic sets that ``model`` is trained and tested on."""
        return self.own_sets.get(model, tuple(self.sets))

    @property
    def needs_denoiser(self) -> bool:
        """Whether a synthetic set of the study is sampled from the denoiser."""
        return _needs_denoiser(self.sets)

    @property
    def oracles(self) -> tuple[str, ...]:
        """The sets that are positive controls: drawn from the true distribution."""
        return tuple(name for name, generator in self.sets.items() if generator.is_oracle)

    def folder_of(self, synthetic_set: str) -> str:
        """Of a set's files, below the folder of all sets: "gan/", or "" where there is one set of one denoiser."""
        return f"{synthetic_set}/" if len(self.sets) > 1 or self.denoisers > 1 else ""

    def of_set(self, name: str, synthetic_set: str) -> str:
        """What the graph calls the dataset ``name`` of a set: "synthetic", or of several "synthetic/gan"."""
        return f"{name}/{self.folder_of(synthetic_set)}".rstrip("/")

    @property
    def whole(self) -> bool:
        """Whether the run is about every cell."""
        return (self.model, self.regime) == (ALL, ALL)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell of the study."""
        return tuple(cell for model in self.models for cell in self.cells_under(model, self.regimes_of(model)))

    def cells_under(self, model: str, regimes: Iterable[str]) -> tuple[Cell, ...]:
        """The cells of ``model`` under each of ``regimes``, of the study or not, on its own sets."""
        several = len(self.sets) > 1
        return tuple(
            Cell(model, regime, name, several)
            for regime in regimes
            for name in (self.sets_of(model) if REGIMES[regime].uses_synthetic else [""])
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


def _own_sets(
    model: str, own: tuple[str, ...] | None, sets: dict[str, Generator], parameters: "Parameters"
) -> tuple[str, ...]:
    """The sets of ``model``: its own, or all; the oracle that stands beside them only where it is asked for."""
    if own is not None:
        return own
    asked = parameters.synthesis.oracle_models
    return tuple(name for name, one in sets.items() if not (asked and one.is_oracle) or model in asked)


def _with_augmented(regimes: tuple[str, ...]) -> tuple[str, ...]:
    """``regimes`` and those that augment: a generator that learned from flipped images is compared with flips."""
    return tuple(dict.fromkeys([*regimes, *(name for name, regime in REGIMES.items() if regime.augment)]))


def _needs_denoiser(sets: dict[str, Generator]) -> bool:
    return any(generator.needs_denoiser for generator in sets.values())

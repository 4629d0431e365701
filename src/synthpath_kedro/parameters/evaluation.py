"""The block ``evaluation``."""

import logging
from fractions import Fraction
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from synthpath_kedro.parameters.block import Block, Count, Precision, each_once, one_of
from synthpath_kedro.parameters.network import NetworkParameters
from synthpath_kedro.study.attacks import ATTACKS
from synthpath_kedro.study.corruptions import CORRUPTIONS
from synthpath_kedro.study.regimes import REGIMES

logger = logging.getLogger(__name__)


def _as_number(value: Any) -> Any:
    """Reads "8/255" as a number."""
    return float(Fraction(value)) if isinstance(value, str) and "/" in value else value


Budget = Annotated[float, BeforeValidator(_as_number), Field(gt=0, le=1)]


def _accept_noise(name: Any) -> Any:
    """``uniform_noise`` was called noise; accepted for one release."""
    if name != "noise":
        return name
    logger.warning("evaluation.attacks: noise is now called uniform_noise; the old name goes with the next release")
    return "uniform_noise"


Attack = Annotated[str, BeforeValidator(_accept_noise), AfterValidator(one_of(ATTACKS))]

Corruption = Annotated[str, AfterValidator(one_of(CORRUPTIONS))]
Levels = Annotated[tuple[float, ...], Field(min_length=1), AfterValidator(each_once)]


def _not_random(weights: str) -> str:
    if weights == "random":
        raise ValueError("pretrained, or a file or folder: features of a random network say nothing")
    return weights


class FeatureParameters(NetworkParameters):
    RENAMED: ClassVar = {"extractor": "family"}

    weights: Annotated[str, AfterValidator(_not_random)]
    images: Annotated[int, Field(ge=10)]
    train_images: Annotated[int, Field(ge=10)]


class PrivacyParameters(Block):
    pixel_images: Annotated[int, Field(ge=10)]
    planted_copies: Annotated[int, Field(ge=1)]
    loss_images: Annotated[int, Field(ge=10)]
    loss_levels: Count
    pairs: Count


class CrossValidationParameters(Block):
    """The block ``cross_validation``: of the pipeline of that name."""

    repeats: Count
    folds: Annotated[int, Field(ge=2)]


class CellsParameters(Block):
    """Which cells of the grid something is done for.

    Attributes:
        models: of ``classification.models``; None: all.
        regimes: None: all.
    """

    models: Annotated[tuple[str, ...], AfterValidator(each_once)] | None
    regimes: Annotated[tuple[Annotated[str, AfterValidator(one_of(REGIMES))], ...], AfterValidator(each_once)] | None

    def include(self, model: str, regime: str) -> bool:
        """Whether the cells of ``model`` under ``regime`` are among them."""
        return (self.models is None or model in self.models) and (self.regimes is None or regime in self.regimes)


class EvaluationParameters(Block):
    RENAMED: ClassVar = {
        "neighbours": "neighbors",
        "eps_curve": "epsilon_sweep",
        "curve_images": "epsilon_sweep_images",
    }

    batch_size: Count
    precision: Precision
    synthetic_images: Count
    bootstrap_resamples: Count
    margin: Annotated[float, Field(gt=0, lt=1)]
    calibration_bins: Annotated[int, Field(ge=2)]
    selective_coverages: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], AfterValidator(each_once)]
    conformal_coverage: Annotated[float, Field(gt=0, lt=1)]
    attacks: Annotated[tuple[Attack, ...], AfterValidator(each_once)]
    attack_cells: CellsParameters
    attack_images: Count
    eps: Budget
    bim_steps: Count
    epsilon_sweep: Annotated[tuple[Budget, ...], AfterValidator(each_once)]
    epsilon_sweep_images: Count
    masking_images: Count
    corruptions: Annotated[tuple[Corruption, ...], AfterValidator(each_once)]
    corruption_levels: dict[Corruption, Levels]
    corruption_cells: CellsParameters
    corruption_images: Annotated[int, Field(ge=10)]
    tsne_cells: CellsParameters
    tsne_images: Annotated[int, Field(ge=10)]
    tsne_perplexity: Annotated[float, Field(gt=1)]
    neighbors: Count
    cross_validation: CrossValidationParameters
    features: FeatureParameters
    privacy: PrivacyParameters

    @property
    def levels_of_corruptions(self) -> dict[str, tuple[float, ...]]:
        """The levels of each of ``corruptions``."""
        return {name: self.corruption_levels[name] for name in self.corruptions}

    @model_validator(mode="after")
    def _levels_are_the_corruptions(self) -> "EvaluationParameters":
        for name in self.corruptions:
            if name not in self.corruption_levels:
                raise ValueError(f"corruption_levels has no levels of {name}, which corruptions names; give it a list")
        for name, levels in self.corruption_levels.items():
            entry = CORRUPTIONS[name]
            for level in levels:
                if not entry.least <= level <= entry.most:
                    raise ValueError(
                        f"corruption_levels.{name} has {level:g}; it should be {entry.least:g} to {entry.most:g}: "
                        f"{entry.meaning}"
                    )
        return self

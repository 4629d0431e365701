"""The block ``classification``."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from synthpath_kedro.parameters.block import Block, Count, Positive, Share, each_once, one_of
from synthpath_kedro.parameters.network import NetworkParameters
from synthpath_kedro.study.models import ALL_WEIGHTS, FAMILIES, TRAINED, leaves_frozen
from synthpath_kedro.study.regimes import REGIMES
from synthpath_kedro.study.table import nearest_names

Regimes = Annotated[
    tuple[Annotated[str, AfterValidator(one_of(REGIMES))], ...],
    Field(min_length=1),
    AfterValidator(each_once),
]
Fraction = Annotated[float, Field(gt=0, le=1)]


class BackboneParameters(NetworkParameters):
    """A model's block.

    Attributes:
        trained: head (a linear layer on the frozen network), last_block (and the head), all; None: the family's own.
        batch_size: training images per step.
        learning_rate: AdamW's.
        regimes: that the model is trained under; None: those of the study.
        sets: synthetic sets that it is trained on; None: all of the study.
        replicates: seeds per cell; None: as many as the study's.
        min_steps: optimizer steps of a training at least; None: as many as the study's.
    """

    trained: Annotated[str, AfterValidator(one_of(TRAINED))] | None = None
    batch_size: Count
    learning_rate: Positive
    regimes: Regimes | None = None
    sets: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(each_once)] | None = None
    replicates: Count | None = None
    min_steps: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _family_trains_that_part(self) -> "BackboneParameters":
        if self.module is None and self.family is not None and self.trained is not None:
            valid = FAMILIES[self.family].trained
            if self.trained not in valid:
                raise ValueError(
                    f"trained is {self.trained!r}; valid for family {self.family}: {', '.join(valid)} "
                    f"(family timm has {', '.join(FAMILIES['timm'].trained)})"
                )
        return self

    @property
    def trained_part(self) -> str:
        """What is trained: head, last_block or all."""
        if self.trained is not None:
            return self.trained
        return ALL_WEIGHTS if self.family is None or self.module is not None else FAMILIES[self.family].trained[0]


class LearningCurveParameters(Block):
    """The block ``learning_curve``: of the pipeline of that name.

    Attributes:
        fractions: shares of the real training images.
        regimes: trained side by side at each.
        synthetic_counts: synthetic images per real training image, at the same number of steps.
    """

    fractions: Annotated[tuple[Fraction, ...], Field(min_length=2), AfterValidator(each_once)]
    regimes: Regimes
    synthetic_counts: Annotated[tuple[Positive, ...], AfterValidator(each_once)]


class ConfidenceFilteringParameters(Block):
    model: str | None
    min_confidence: Share


class ClassificationParameters(Block):
    RENAMED: ClassVar = {
        "selection": "confidence_filtering",
        "trunk_dtype": "cached_features_dtype",
        "trunk_max_gb": "cached_features_max_gb",
    }

    models: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(each_once)]
    regimes: Regimes
    replicates: Count
    mixing_ratio: Share
    sweep_ratios: Annotated[tuple[Share, ...], Field(min_length=2)]
    learning_curve: LearningCurveParameters
    confidence_filtering: ConfidenceFilteringParameters
    max_epochs: Count
    min_steps: Annotated[int, Field(ge=0)]
    patience: Count
    milestones: tuple[Count, ...]
    gamma: Annotated[float, Field(gt=0, le=1)]
    weight_decay: Annotated[float, Field(ge=0)]
    class_weights: Literal["none", "balanced"]
    precision: Literal["32-true", "16-mixed", "bf16-mixed"]
    prompt: str
    cached_features_dtype: Literal["float32", "float16"]
    cached_features_max_gb: Literal["auto"] | Annotated[float, Field(ge=0)]
    backbones: dict[str, BackboneParameters]

    @model_validator(mode="before")
    @classmethod
    def _accept_blocks_beside_the_other_keys(cls, values: Any) -> Any:
        """The five models' blocks were called ``classification.<model>``; accepted for one release."""
        if not isinstance(values, Mapping):
            return values
        if values.get("augment"):
            raise ValueError(
                "augment is gone: augmentation belongs to the regime; set regimes to [real_augmented, mixed_augmented]"
            )
        old = {name: values[name] for name in FAMILIES if name in values}
        rest = {key: value for key, value in values.items() if key not in old and key != "augment"}
        backbones = dict(rest.get("backbones") or {})
        for name, block in old.items():
            backbones[name] = {**backbones.get(name, {}), **block}
        return rest | {"backbones": {name: _with_family(name, block) for name, block in backbones.items()}}

    @model_validator(mode="after")
    def _every_model_is_described(self) -> "ClassificationParameters":
        named = [*self.models, *filter(None, [self.confidence_filtering.model])]
        if missing := [model for model in named if model not in self.backbones]:
            raise ValueError(
                f"models names {', '.join(missing)}, which backbones does not describe; "
                f"valid: {', '.join(self.backbones)}"
            )
        return self

    @model_validator(mode="after")
    def _extended_regimes_have_an_end(self) -> "ClassificationParameters":
        regimes = [*self.regimes, *(name for model in self.models for name in self.backbones[model].regimes or ())]
        extended = [name for name in dict.fromkeys(regimes) if REGIMES[name].extended]
        if extended and self.mixing_ratio == 1:
            raise ValueError(
                f"mixing_ratio is {self.mixing_ratio:g}, with which no number of synthetic images is enough on top of "
                f"the real ones under {', '.join(extended)}: set it below 1, or leave these regimes out"
            )
        return self

    @field_validator("prompt")
    @classmethod
    def _prompt_names_the_class(cls, value: str) -> str:
        if "{class_name}" not in value:
            raise ValueError("must contain {class_name}")
        return value

    def backbone(self, model: str) -> BackboneParameters:
        """The block of ``model``."""
        return self.backbones[model]

    def replicates_of(self, model: str) -> int:
        """Seeds per cell of ``model``."""
        own = self.backbones[model].replicates
        return self.replicates if own is None else own

    def min_steps_of(self, model: str) -> int:
        """Optimizer steps of ``model``'s trainings under real, at least."""
        own = self.backbones[model].min_steps
        return self.min_steps if own is None else own

    def has_frozen_backbone(self, model: str) -> bool:
        """Whether a part of ``model`` is frozen, so that its output is worth storing."""
        return leaves_frozen(self.backbones[model].trained_part)


def _with_family(model: str, block: Any) -> Any:
    """A block without a family is of the family that its model is named after."""
    if not isinstance(block, Mapping) or block.get("family") or block.get("module"):
        return block
    if model not in FAMILIES:
        raise ValueError(
            f"backbones.{model} needs a family; valid: {', '.join(FAMILIES)}, or module: my_package.my_model"
            + nearest_names(model, FAMILIES)
        )
    return {**block, "family": model}

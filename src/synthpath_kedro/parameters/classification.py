"""The block ``classification``."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from synthpath_kedro.parameters.block import Block, Count, Positive, Share, each_once, one_of
from synthpath_kedro.study.models import FAMILIES
from synthpath_kedro.study.regimes import REGIMES


class BackboneParameters(Block):
    """A model's block.

    Attributes:
        family: one of ``FAMILIES``; None: the model's own name is one.
        variant: the architecture.
        weights: pretrained, random, or a file or folder.
        revision: of downloaded weights.
        input_size: pixels that images are resized to.
        batch_size: training images per step.
        learning_rate: AdamW's.
    """

    family: Annotated[str, AfterValidator(one_of(FAMILIES))] | None = None
    variant: str
    weights: str
    revision: str | None = None
    input_size: Annotated[int, Field(ge=8, le=1024)]
    batch_size: Count
    learning_rate: Positive


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
    regimes: Annotated[
        tuple[Annotated[str, AfterValidator(one_of(REGIMES))], ...],
        Field(min_length=1),
        AfterValidator(each_once),
    ]
    replicates: Count
    mixing_ratio: Share
    sweep_ratios: Annotated[tuple[Share, ...], Field(min_length=2)]
    confidence_filtering: ConfidenceFilteringParameters
    max_epochs: Count
    patience: Count
    milestones: tuple[Count, ...]
    gamma: Annotated[float, Field(gt=0, le=1)]
    weight_decay: Annotated[float, Field(ge=0)]
    class_weights: Literal["none", "balanced"]
    precision: Literal["32-true", "16-mixed", "bf16-mixed"]
    prompt: str
    cached_features_dtype: Literal["float32", "float16"]
    cached_features_max_gb: Annotated[float, Field(ge=0)]
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
        return rest | {"backbones": backbones}

    @model_validator(mode="after")
    def _every_model_is_described(self) -> "ClassificationParameters":
        named = [*self.models, *filter(None, [self.confidence_filtering.model])]
        if missing := [model for model in named if model not in self.backbones]:
            raise ValueError(
                f"models names {', '.join(missing)}, which backbones does not describe; "
                f"valid: {', '.join(self.backbones)}"
            )
        for model, backbone in self.backbones.items():
            if backbone.family is None and model not in FAMILIES:
                raise ValueError(f"backbones.{model} needs a family; valid: {', '.join(FAMILIES)}")
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

    def family(self, model: str) -> str:
        """The family of ``model``."""
        return self.backbones[model].family or model

"""One pydantic model for every parameter block in conf; the only place that reads the keys."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from synthpath_kedro.errors import InputError

Model = Literal["cnn", "resnet18", "dinov2", "clip", "efficientnet_lite0"]
Regime = Literal["real", "synthetic", "mixed"]
MODELS: tuple[str, ...] = get_args(Model)
REGIMES: tuple[str, ...] = get_args(Regime)
ALL = "all"

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class Block(BaseModel):
    """A parameter block: unknown keys are errors, values cannot be changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SplitParameters(Block):
    val: Share
    test: Share

    @model_validator(mode="after")
    def _leave_something_to_train_on(self) -> "SplitParameters":
        if self.val + self.test >= 1:
            raise ValueError("val + test must be below 1")
        return self


class PhantomParameters(Block):
    n_train: Count
    n_val: Count
    n_test: Count
    stain_shift: Share


class DataPrepParameters(Block):
    source: Literal["medmnist", "npz", "image_folder", "phantom"]
    name: str | None
    path: str | None
    download_size: Literal[28, 64, 128, 224]
    image_size: Annotated[int, Field(ge=8, le=1024)]
    group: str | None
    shared_images: Literal["refuse", "drop", "keep"]
    split: SplitParameters
    phantom: PhantomParameters


class DenoiserParameters(Block):
    base_channels: Annotated[int, Field(ge=8, multiple_of=8)]
    channel_multipliers: Annotated[tuple[Count, ...], Field(min_length=1)]
    residual_blocks: Count
    attention_resolutions: tuple[Count, ...]
    dropout: Annotated[float, Field(ge=0, lt=1)]


class NoiseScheduleParameters(Block):
    name: Literal["linear", "cosine"]
    timesteps: Annotated[int, Field(ge=2)]
    beta_start: Annotated[float, Field(gt=0, lt=1)]
    beta_end: Annotated[float, Field(gt=0, lt=1)]


class DiffusionParameters(Block):
    denoiser: DenoiserParameters
    formulation: Literal["epsilon", "v", "edm"]
    noise_schedule: NoiseScheduleParameters
    max_epochs: Count
    max_minutes: Positive | None
    patience: Count | None
    batch_size: Count
    learning_rate: Positive
    weight_decay: Annotated[float, Field(ge=0)]
    ema_decay: Annotated[float, Field(ge=0, lt=1)]
    gradient_clip: Positive | None
    label_dropout: Annotated[float, Field(ge=0, lt=1)]
    augment: bool
    precision: Literal["32-true", "16-mixed", "bf16-mixed"]
    compile: bool
    sample_every: Count


class SynthesisParameters(Block):
    n_images: Count
    allocation: Literal["balanced", "match_real", "inverse_frequency", "explicit"]
    counts: dict[str, Annotated[int, Field(ge=0)]] | None
    sampler: Literal["ddpm", "ddim", "dpmpp_2m", "heun"]
    steps: Count
    guidance_scale: Annotated[float, Field(ge=0)]
    eta: Share
    churn: Annotated[float, Field(ge=0)]
    clip_denoised: bool
    batch_size: Count
    shard_size: Count

    @model_validator(mode="after")
    def _counts_belong_to_explicit(self) -> "SynthesisParameters":
        if (self.allocation == "explicit") != (self.counts is not None):
            raise ValueError("counts must be given with allocation explicit, and only then")
        return self


class BackboneParameters(Block):
    variant: str
    weights: str
    revision: str | None = None
    input_size: Annotated[int, Field(ge=8, le=1024)]
    batch_size: Count
    learning_rate: Positive


class ClassificationParameters(Block):
    models: Annotated[tuple[Model, ...], Field(min_length=1)]
    regimes: Annotated[tuple[Regime, ...], Field(min_length=1)]
    replicates: Count
    mixing_ratio: Share
    max_epochs: Count
    patience: Count
    milestones: tuple[Count, ...]
    gamma: Annotated[float, Field(gt=0, le=1)]
    weight_decay: Annotated[float, Field(ge=0)]
    class_weights: Literal["none", "balanced"]
    augment: bool = False
    precision: Literal["32-true", "16-mixed", "bf16-mixed"]
    prompt: str
    trunk_dtype: Literal["float32", "float16"]
    trunk_max_gb: Annotated[float, Field(ge=0)]
    cnn: BackboneParameters
    resnet18: BackboneParameters
    dinov2: BackboneParameters
    clip: BackboneParameters
    efficientnet_lite0: BackboneParameters

    @field_validator("models", "regimes")
    @classmethod
    def _name_each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("names each entry once")
        return value

    @field_validator("prompt")
    @classmethod
    def _prompt_names_the_class(cls, value: str) -> str:
        if "{class_name}" not in value:
            raise ValueError("must contain {class_name}")
        return value

    def backbone(self, model: str) -> BackboneParameters:
        """The block of ``model``."""
        return getattr(self, model)


def _as_number(value: Any) -> Any:
    """Reads "8/255" as a number."""
    return float(Fraction(value)) if isinstance(value, str) and "/" in value else value


class EvaluationParameters(Block):
    batch_size: Count
    synthetic_images: Count
    attacks: tuple[Literal["noise", "fgsm", "bim"], ...]
    attack_images: Count
    eps: Annotated[float, BeforeValidator(_as_number), Field(gt=0, le=1)]
    bim_steps: Count
    tsne_images: Annotated[int, Field(ge=10)]
    tsne_perplexity: Annotated[float, Field(gt=1)]


class ReportParameters(Block):
    title: str
    embed_real_images: bool


def _all_or_one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in (ALL, *names):
            raise ValueError(", ".join((ALL, *names[:-1])) + f" or {names[-1]}")
        return value

    return check


class Parameters(Block):
    """All of conf's parameters."""

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    model: Annotated[str, AfterValidator(_all_or_one_of(MODELS))]
    regime: Annotated[str, AfterValidator(_all_or_one_of(REGIMES))]
    data_prep: DataPrepParameters
    diffusion: DiffusionParameters
    synthesis: SynthesisParameters
    classification: ClassificationParameters
    evaluation: EvaluationParameters
    report: ReportParameters


def read_parameters(values: dict[str, Any]) -> Parameters:
    """Reads all parameters.

    Raises:
        InputError: a key is unknown or a value is not valid; names every culprit, what it had and what is valid.
    """
    try:
        return Parameters.model_validate(values)
    except ValidationError as error:
        raise InputError("; ".join(_explain(fault) for fault in error.errors())) from error


def _explain(fault: ErrorDetails) -> str:
    path = [str(part) for part in fault["loc"]]
    key = ".".join(path)
    if fault["type"] == "extra_forbidden":
        return f"unknown parameter {key}; valid here: {', '.join(_keys_beside(path))}"
    if fault["type"] == "missing":
        return f"parameter {key} is missing; conf/base has it with its default"
    message = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return f"parameter {key} is {fault['input']!r}; it should be {message}"


def _keys_beside(path: Sequence[str]) -> list[str]:
    block: Any = Parameters
    for part in path[:-1]:
        block = block.model_fields[part].annotation
    return sorted(block.model_fields)

"""One pydantic model for every parameter block in conf; the only place that reads the keys."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from synthpath_kedro.classifiers.registry import MODELS
from synthpath_kedro.errors import InputError

Regime = Literal["real", "synthetic", "mixed"]
REGIMES: tuple[str, ...] = get_args(Regime)
ALL = "all"

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


def _one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in names:
            raise ValueError(", ".join(names[:-1]) + f" or {names[-1]}")
        return value

    return check


def _each_once(value: tuple) -> tuple:
    if len(set(value)) < len(value):
        raise ValueError("a list that names each entry once")
    return value


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
    thin: dict[str, Annotated[float, Field(gt=0, le=1)]]
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
    export: Literal["none", "npz", "image_folder", "both"]

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


class SelectionParameters(Block):
    model: Annotated[str, AfterValidator(_one_of(MODELS))] | None
    min_confidence: Share


class ClassificationParameters(Block):
    models: Annotated[
        tuple[Annotated[str, AfterValidator(_one_of(MODELS))], ...], Field(min_length=1), AfterValidator(_each_once)
    ]
    regimes: Annotated[tuple[Regime, ...], Field(min_length=1), AfterValidator(_each_once)]
    replicates: Count
    mixing_ratio: Share
    sweep_ratios: Annotated[tuple[Share, ...], Field(min_length=2)]
    selection: SelectionParameters
    max_epochs: Count
    patience: Count
    milestones: tuple[Count, ...]
    gamma: Annotated[float, Field(gt=0, le=1)]
    weight_decay: Annotated[float, Field(ge=0)]
    class_weights: Literal["none", "balanced"]
    augment: bool
    precision: Literal["32-true", "16-mixed", "bf16-mixed"]
    prompt: str
    trunk_dtype: Literal["float32", "float16"]
    trunk_max_gb: Annotated[float, Field(ge=0)]
    backbones: dict[str, BackboneParameters]  # in conf a block of each model's name beside the other keys

    @model_validator(mode="before")
    @classmethod
    def _gather_backbones(cls, values: dict[str, Any]) -> dict[str, Any]:
        backbones = {model: values[model] for model in MODELS if model in values}
        return {"backbones": backbones} | {key: value for key, value in values.items() if key not in MODELS}

    @model_validator(mode="after")
    def _describe_every_model(self) -> "ClassificationParameters":
        if missing := [model for model in self.models if model not in self.backbones]:
            raise ValueError(f"given a block for each of its models ({', '.join(missing)})")
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


def _as_number(value: Any) -> Any:
    """Reads "8/255" as a number."""
    return float(Fraction(value)) if isinstance(value, str) and "/" in value else value


Budget = Annotated[float, BeforeValidator(_as_number), Field(gt=0, le=1)]
Attack = Literal["noise", "fgsm", "bim", "pgd20", "autoattack"]
Extractor = Literal["efficientnet_lite0", "dinov2", "inception"]


def _not_random(weights: str) -> str:
    if weights == "random":
        raise ValueError("pretrained, or a file or folder: features of a random network say nothing")
    return weights


class FeatureParameters(Block):
    extractor: Extractor
    weights: Annotated[str, AfterValidator(_not_random)]
    input_size: Annotated[int, Field(ge=8, le=1024)]
    images: Annotated[int, Field(ge=10)]
    train_images: Annotated[int, Field(ge=10)]


class PrivacyParameters(Block):
    pixel_images: Annotated[int, Field(ge=10)]
    pixel_train_images: Annotated[int, Field(ge=10)]
    loss_images: Annotated[int, Field(ge=10)]
    loss_levels: Count
    pairs: Count


class EvaluationParameters(Block):
    batch_size: Count
    synthetic_images: Count
    bootstrap_resamples: Count
    calibration_bins: Annotated[int, Field(ge=2)]
    attacks: Annotated[tuple[Attack, ...], AfterValidator(_each_once)]
    attack_images: Count
    eps: Budget
    bim_steps: Count
    eps_curve: Annotated[tuple[Budget, ...], AfterValidator(_each_once)]
    curve_images: Count
    tsne_images: Annotated[int, Field(ge=10)]
    tsne_perplexity: Annotated[float, Field(gt=1)]
    neighbours: Count
    features: FeatureParameters
    privacy: PrivacyParameters


class ReportParameters(Block):
    title: str
    embed_real_images: bool
    reader_test_images: Annotated[int, Field(ge=2)]


class Parameters(Block):
    """All of conf's parameters."""

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    model: Annotated[str, AfterValidator(_one_of((ALL, *MODELS)))]
    regime: Annotated[str, AfterValidator(_one_of((ALL, *REGIMES)))]
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
    path = [str(part) for part in fault["loc"] if part != "backbones"]
    key = ".".join(path)
    if fault["type"] == "extra_forbidden":
        return f"unknown parameter {key}; valid here: {', '.join(_keys_beside(path))}"
    if fault["type"] == "missing":
        return f"parameter {key} is missing; conf/base has it with its default"
    if fault["type"] == "value_error" and isinstance(fault["input"], Mapping):
        return f"parameter {key}: {fault['ctx']['error']}"
    message = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return f"parameter {key} is {fault['input']!r}; it should be {message}"


def _keys_beside(path: Sequence[str]) -> list[str]:
    block: Any = Parameters
    for part in path[:-1]:
        block = BackboneParameters if part in MODELS else block.model_fields[part].annotation
    models = set(MODELS) if block is ClassificationParameters else set()
    return sorted(set(block.model_fields) - {"backbones"} | models)

"""The block ``evaluation``."""

from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from synthpath_kedro.parameters.block import Block, Count, each_once


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
    RENAMED: ClassVar = {
        "neighbours": "neighbors",
        "eps_curve": "epsilon_sweep",
        "curve_images": "epsilon_sweep_images",
    }

    batch_size: Count
    synthetic_images: Count
    bootstrap_resamples: Count
    calibration_bins: Annotated[int, Field(ge=2)]
    attacks: Annotated[tuple[Attack, ...], AfterValidator(each_once)]
    attack_images: Count
    eps: Budget
    bim_steps: Count
    epsilon_sweep: Annotated[tuple[Budget, ...], AfterValidator(each_once)]
    epsilon_sweep_images: Count
    tsne_images: Annotated[int, Field(ge=10)]
    tsne_perplexity: Annotated[float, Field(gt=1)]
    neighbors: Count
    features: FeatureParameters
    privacy: PrivacyParameters

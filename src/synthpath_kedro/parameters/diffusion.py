"""The block ``diffusion``."""

from math import ceil
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from synthpath_kedro.parameters.block import Block, Count, Positive


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


class AutoencoderParameters(Block):
    """The autoencoder between images and latents.

    Attributes:
        weights: train, pretrained, "hf-hub:owner/name", or a folder in the hub's layout.
        revision: commit, tag or branch of downloaded weights.
    """

    weights: Annotated[str, Field(min_length=1)]
    revision: str | None
    latent_channels: Count
    downsample: Literal[2, 4, 8, 16]
    base_channels: Annotated[int, Field(ge=8, multiple_of=8)]
    max_epochs: Count
    batch_size: Count
    learning_rate: Positive
    kl_weight: Annotated[float, Field(ge=0)]

    @property
    def trained(self) -> bool:
        """Whether the study trains it."""
        return self.weights == "train"


class DiffusionParameters(Block):
    RENAMED: ClassVar = {"formulation": "parameterization", "label_dropout": "class_dropout_prob"}

    replicates: Count = 1  # cards of older denoisers are without it, and without the next four
    start_from: str | None = None
    allow_phantom_start: bool = False
    space: Literal["pixel", "latent"] = "pixel"
    autoencoder: AutoencoderParameters | None = None
    denoiser: DenoiserParameters
    parameterization: Literal["epsilon", "v", "edm"]
    noise_schedule: NoiseScheduleParameters
    textures: Annotated[int, Field(ge=0)] = 0  # likewise
    max_epochs: Count
    max_steps: Count | None = None  # nor this
    max_minutes: Positive | None
    patience: Count | None
    batch_size: Count
    learning_rate: Positive
    weight_decay: Annotated[float, Field(ge=0)]
    ema_decay: Annotated[float, Field(ge=0, lt=1)]
    gradient_clip: Positive | None
    class_dropout_prob: Annotated[float, Field(ge=0, lt=1)]
    augment: bool
    precision: Literal["32-true", "16-mixed", "bf16-mixed"]
    compile: bool
    sample_every: Count

    @model_validator(mode="after")
    def _textures_have_edm(self) -> "DiffusionParameters":
        if self.textures and self.parameterization != "edm":
            raise ValueError(
                f"textures {self.textures} go with parameterization edm, not {self.parameterization}: set textures to 0"
            )
        return self

    @property
    def budget_minutes(self) -> float | None:
        """The time that decides how long a training is; None: its steps or epochs do."""
        return None if self.max_steps else self.max_minutes

    def epochs(self, steps_per_epoch: int) -> int:
        """Epochs of the training, as far as no budget in minutes shortens them; ``max_steps`` end with an epoch."""
        return self.max_epochs if self.max_steps is None else ceil(self.max_steps / steps_per_epoch)

    @property
    def latent(self) -> AutoencoderParameters | None:
        """The autoencoder whose latents the denoiser works on; None in pixel space."""
        return self.autoencoder if self.space == "latent" else None

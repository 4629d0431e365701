"""The block ``synthesis``."""

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from synthpath_kedro.parameters.block import Block, Count, Precision, Share, each_once, one_of
from synthpath_kedro.study.generators import GENERATORS
from synthpath_kedro.study.samplers import SAMPLERS

Source = Annotated[str, AfterValidator(one_of(GENERATORS))]

PHANTOM = "phantom"

_SET_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")

_TAKEN = ("real", "synthetic", "real_train", "real_val", "real_test", "seed", "denoiser_losses")
"""What the graph and its tables call other things beside the sets."""


class SyntheticSetParameters(Block):
    """Where one synthetic set comes from.

    Attributes:
        source: one of ``GENERATORS``.
        path: the user's own images; None for a source that makes them.
    """

    source: Source
    path: str | None = None

    @model_validator(mode="after")
    def _path_belongs_to_source(self) -> "SyntheticSetParameters":
        needs_path = GENERATORS[self.source].needs_path
        if needs_path and self.path is None:
            raise ValueError(f"source {self.source} reads images: give their path")
        if not needs_path and self.path is not None:
            raise ValueError(f"source {self.source} reads no images: leave out path ({self.path})")
        return self


class SynthesisParameters(Block):
    RENAMED: ClassVar = {"steps": "num_steps"}

    source: Source
    path: str | None
    sets: dict[str, SyntheticSetParameters]
    oracle_models: Annotated[tuple[str, ...], AfterValidator(each_once)]
    duplicates: Literal["error", "drop", "keep"]
    reject_copies: bool
    n_images: Count
    allocation: Literal["balanced", "match_real", "inverse_frequency", "explicit"]
    counts: dict[str, Annotated[int, Field(ge=0)]] | None
    sampler: Annotated[str, AfterValidator(one_of(SAMPLERS))]
    num_steps: Count
    guidance_scale: Annotated[float, Field(ge=0)]
    guidance_interval: tuple[float, float] | None
    eta: Share
    churn: Annotated[float, Field(ge=0)]
    clip_denoised: bool
    precision: Precision
    compile: Literal["auto"] | bool
    batch_size: Count
    shard_size: Count
    export: Literal["none", "npz", "image_folder", "both"]

    @field_validator("sets")
    @classmethod
    def _sets_have_plain_names(cls, sets: dict[str, Any]) -> dict[str, Any]:
        for name in sets:
            if not _SET_NAME.fullmatch(name):
                raise ValueError(f"sets named by letters, digits, - and _, beginning with a letter; not {name!r}")
            if name in _TAKEN:
                raise ValueError(f"sets with other names than {', '.join(_TAKEN)}, which have a meaning of their own")
        if len({name.casefold() for name in sets}) < len(sets):
            raise ValueError("sets whose names differ in more than upper and lower case: they are folders")
        return sets

    @field_validator("guidance_interval")
    @classmethod
    def _interval_is_one(cls, interval: tuple[float, float] | None) -> tuple[float, float] | None:
        if interval is not None and not 0 <= interval[0] < interval[1]:
            raise ValueError(f"a lower and a higher noise level, 0 or more; not {list(interval)}")
        return interval

    @model_validator(mode="after")
    def _counts_belong_to_explicit(self) -> "SynthesisParameters":
        if (self.allocation == "explicit") != (self.counts is not None):
            raise ValueError("counts must be given with allocation explicit, and only then")
        return self

    @model_validator(mode="after")
    def _one_source_is_described_in_full(self) -> "SynthesisParameters":
        if not self.sets:
            SyntheticSetParameters(source=self.source, path=self.path)
        elif sum(GENERATORS[one.source].needs_denoiser for one in self.sets.values()) > 1:
            raise ValueError("sets has more than one of source diffusion; a study has one denoiser")
        return self

    @property
    def synthetic_sets(self) -> dict[str, SyntheticSetParameters]:
        """The study's synthetic sets by name: those of ``sets``, or one named after its source; and the oracle."""
        sets = self.sets or {
            GENERATORS[self.source].set_name: SyntheticSetParameters(source=self.source, path=self.path)
        }
        if not self.oracle_models:
            return sets
        return sets | {GENERATORS[PHANTOM].set_name: SyntheticSetParameters(source=PHANTOM)}

    def path_parameter(self, synthetic_set: str) -> str:
        """The full name of the parameter that names the images of ``synthetic_set``, for errors."""
        return f"synthesis.sets.{synthetic_set}.path" if self.sets else "synthesis.path"

"""What classifiers and the feature extractor have in common: which network, with which weights."""

from collections.abc import Collection
from typing import Annotated

from pydantic import AfterValidator, Field, JsonValue, model_validator

from synthpath_kedro.parameters.block import Block, one_of
from synthpath_kedro.study.models import FAMILIES, POOLINGS


class NetworkParameters(Block):
    """Which network, with which weights.

    Attributes:
        family: one of ``FAMILIES``; None where ``module`` is given.
        module: Python module of one's own with ``build`` and ``restore``, such as "my_package.my_model".
        variant: the architecture; "" for the family's own. For timm a name of timm's, "hf-hub:owner/name", or a folder
            with config.json and weights.
        model_args: keyword arguments of timm's architecture that its config.json does not have.
        weights: pretrained, random, or a file or folder.
        revision: commit, tag or branch of downloaded weights.
        pooling: of a transformer's tokens; None: the network's own.
        input_size: pixels that images are resized to.
    """

    family: Annotated[str, AfterValidator(one_of(FAMILIES))] | None = None
    module: str | None = None
    variant: str = ""
    model_args: dict[str, JsonValue] = Field(default_factory=dict)
    weights: str
    revision: str | None = None
    pooling: Annotated[str, AfterValidator(one_of(POOLINGS))] | None = None
    input_size: Annotated[int, Field(ge=8, le=1024)]

    @model_validator(mode="after")
    def _family_serves_what_is_chosen(self) -> "NetworkParameters":
        if self.module is not None:
            return self
        if self.family is None:
            raise ValueError(f"family is missing; valid: {', '.join(FAMILIES)}, or module: my_package.my_model")
        family = FAMILIES[self.family]
        if not (self.variant or family.variant):
            raise ValueError(
                "variant is missing; valid: an architecture's name in timm, hf-hub:owner/name, or a folder with "
                "config.json and model.safetensors"
            )
        if self.pooling is not None and self.pooling not in family.poolings:
            raise ValueError(
                f"pooling is {self.pooling!r}; valid for family {self.family}: {_listed(family.poolings)} "
                f"(family timm has {', '.join(FAMILIES['timm'].poolings)})"
            )
        return self


def _listed(names: Collection[str]) -> str:
    return ", ".join(names) or "null"

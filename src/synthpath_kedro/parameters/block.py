"""What every block of parameters has in common."""

import logging
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from synthpath_kedro.study.table import nearest_names

logger = logging.getLogger(__name__)

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Precision = Literal["auto", "float32", "bfloat16"]
"""Of networks that are not trained; auto: bfloat16 on CUDA where the GPU has it, float32 elsewhere."""


class Block(BaseModel):
    """A parameter block: unknown keys are errors, values cannot be changed after reading.

    Attributes:
        RENAMED: new key by old key; an old one is accepted for one release, with a warning.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    RENAMED: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _accept_old_names(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        accepted = dict(values)
        for old, new in cls.RENAMED.items():
            if old in accepted:
                logger.warning("the parameter %s is now called %s; the old name goes with the next release", old, new)
                # conf/base always has the new name, so an old one is the user's own.
                accepted[new] = accepted.pop(old)
        return accepted


def one_of(names: Collection[str]) -> Callable[[str], str]:
    """Checks that a value is among ``names``, which are read at every check: a table may grow.

    The error lists them, and the nearest.
    """

    def check(value: str) -> str:
        if value not in names:
            *others, last = names
            listed = f"{', '.join(others)} or {last}" if others else last
            raise ValueError(listed + nearest_names(value, names))
        return value

    return check


def each_once(value: tuple) -> tuple:
    """Checks that a list names each entry once."""
    if len(set(value)) < len(value):
        raise ValueError("a list that names each entry once")
    return value

"""The block ``training``."""

from typing import Annotated

from pydantic import AfterValidator, Field

from synthpath_kedro.parameters.block import Block, one_of
from synthpath_kedro.study.loggers import LOGGERS


class TrainingParameters(Block):
    logger: Annotated[str, AfterValidator(one_of(LOGGERS))]
    checkpoint_minutes: Annotated[float, Field(ge=0)]

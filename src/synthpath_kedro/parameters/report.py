"""The block ``report``."""

from typing import Annotated, ClassVar

from pydantic import Field

from synthpath_kedro.parameters.block import Block


class ReportParameters(Block):
    RENAMED: ClassVar = {"reader_test_images": "reader_study_images"}

    title: str
    embed_real_images: bool
    reader_study_images: Annotated[int, Field(ge=2)]

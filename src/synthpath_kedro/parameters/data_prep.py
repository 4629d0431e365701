"""The block ``data_prep``."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from synthpath_kedro.parameters.block import Block, Count, Share


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


def _accept_refuse(value: Any) -> Any:
    """``error`` was called refuse."""
    return "error" if value == "refuse" else value


class DataPrepParameters(Block):
    RENAMED: ClassVar = {"thin": "class_fractions", "shared_images": "duplicates_across_splits"}

    source: Literal["medmnist", "npz", "image_folder", "phantom"]
    name: str | None
    path: str | None
    download_size: Literal[28, 64, 128, 224]
    image_size: Annotated[int, Field(ge=8, le=1024)]
    group: str | None
    duplicates_across_splits: Annotated[Literal["error", "drop", "keep"], BeforeValidator(_accept_refuse)]
    conflicting_labels: Literal["error", "drop", "keep"]
    class_fractions: dict[str, Annotated[float, Field(gt=0, le=1)]]
    split: SplitParameters
    phantom: PhantomParameters

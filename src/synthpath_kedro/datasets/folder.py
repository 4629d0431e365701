"""A folder that a node works in, as a catalog entry."""

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError


class FolderDataset(AbstractDataset[NoReturn, Path]):
    """A folder's path: where raw files lie or where a training keeps what it needs to resume."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        return self._folder

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        raise DatasetError("a folder is a place to work in; it cannot be saved")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._folder}

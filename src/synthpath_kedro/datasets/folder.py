"""Folders that nodes read from or keep unfinished work in."""

import shutil
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError


class FolderDataset(AbstractDataset[NoReturn, Path]):
    """A folder's path, such as where raw files lie."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        return self.path

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        raise DatasetError("a folder is a place to work in; it cannot be saved")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self.path}


class ScratchDataset(FolderDataset):
    """The folder of unfinished work: a node keeps there, below its own namespace, what it needs to resume."""

    def remove(self, namespace: str) -> None:
        """Removes what the nodes of ``namespace`` kept: their results are saved."""
        shutil.rmtree(self.path.joinpath(*namespace.split(".")), ignore_errors=True)

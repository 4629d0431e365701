"""Artefacts that are made only where the file on disk is not what the recipe would make."""

import logging
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from synthpath_kedro.data.artefact import Artefact, Recipe, atomic_path, read_artefact
from synthpath_kedro.errors import InputError
from synthpath_kedro.training.distributed import rank, wait_for_all, world_size

logger = logging.getLogger(__name__)


class RecipeDataset(AbstractDataset[Recipe, Artefact]):
    """One safetensors file made from a recipe; loads as the artefact, memory-mapped, or None if absent and optional."""

    def __init__(self, *, filepath: str, optional: bool = False, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self._optional = optional
        self.metadata = metadata

    def load(self) -> Artefact | None:  # type: ignore[override]
        if self._optional and not self._exists():
            return None
        return read_artefact(self._filepath)

    def save(self, data: Recipe) -> None:
        if _made_from(self._filepath, data):
            logger.info("%s is up to date", self._filepath.name)
            return
        _make(self._filepath, data)

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}


class ShardsDataset(AbstractDataset[dict[str, Recipe], dict[str, Artefact]]):
    """A folder of safetensors files by name, each made from a recipe.

    Saving makes what is missing, remakes what is damaged or was made from something else, and removes what no recipe
    names; of several processes each makes its part. Loading gives the artefacts by name in sorted order, memory-mapped.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(filepath)
        self.metadata = metadata

    def load(self) -> dict[str, Artefact]:
        return {path.name: read_artefact(path) for path in self._files()}

    def save(self, data: dict[str, Recipe]) -> None:
        wanted = {self._folder / name: recipe for name, recipe in data.items()}
        for path in self._files():
            if path not in wanted and rank() == 0:
                path.unlink()
        missing = {path: recipe for path, recipe in wanted.items() if not _intact(path, recipe)}
        if len(missing) < len(wanted):
            logger.info("%d of %d shards are up to date", len(wanted) - len(missing), len(wanted))
        wait_for_all()
        for path, recipe in list(missing.items())[rank() :: world_size()]:
            _make(path, recipe)
        wait_for_all()

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.safetensors"))

    def _exists(self) -> bool:
        return bool(self._files())

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._folder}


def _make(path: Path, recipe: Recipe) -> None:
    with atomic_path(path) as temporary:
        recipe.write(temporary)


def _made_from(path: Path, recipe: Recipe) -> bool:
    if not path.is_file():
        return False
    try:
        return read_artefact(path).card.get("key") == recipe.key
    except InputError:
        return False


def _intact(path: Path, recipe: Recipe) -> bool:
    if not _made_from(path, recipe):
        return False
    artefact = read_artefact(path)
    return artefact.card.get("digest") == artefact.digest

"""Artifacts that are made only where the file on disk is not what the recipe would make."""

import logging
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from synthpath_kedro.data.artifact import Artifact, Recipe, atomic_path, read_artifact
from synthpath_kedro.errors import InputError
from synthpath_kedro.training.distributed import rank, wait_for_all, world_size

logger = logging.getLogger(__name__)


class RecipeDataset(AbstractDataset[Recipe, Artifact]):
    """One safetensors file made from a recipe; loads as the artifact, memory-mapped, or None if absent and optional."""

    def __init__(self, *, filepath: str, optional: bool = False, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self._optional = optional
        self.metadata = metadata

    def load(self) -> Artifact | None:  # type: ignore[override]
        if self._optional and not self._exists():
            return None
        return read_artifact(self._filepath)

    def save(self, data: Recipe) -> None:
        if _made_from(self._filepath, data):
            logger.info("%s is up to date", self._filepath.name)
            return
        _make(self._filepath, data)

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}


class ShardsDataset(AbstractDataset[dict[str, Recipe], dict[str, Artifact]]):
    """A folder of safetensors files by name, each made from a recipe.

    Saving makes what is missing, remakes what is damaged or was made from something else, and removes what no recipe
    names; of several processes each makes its part. Loading gives the artifacts by name in sorted order, memory-mapped.
    While files are made a marker says that the set is not complete, so that a killed run's part does not pass for it.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(filepath)
        self.metadata = metadata

    def load(self) -> dict[str, Artifact]:
        if self._marker.exists():
            raise InputError(
                f"{self._folder} is incomplete: the run that made it was interrupted; "
                "run kedro run --pipelines=synthesis, which makes only what is missing"
            )
        return {path.name: read_artifact(path) for path in self._files()}

    def save(self, data: dict[str, Recipe]) -> None:
        wanted = {self._folder / name: recipe for name, recipe in data.items()}
        faults = {path: _fault(path, recipe) for path, recipe in wanted.items()}
        missing = {path: wanted[path] for path, fault in faults.items() if fault}
        surplus = [path for path in self._files() if path not in wanted]
        if len(missing) < len(wanted):
            logger.info("%d of %d shards are up to date", len(wanted) - len(missing), len(wanted))
        wait_for_all()
        if rank() == 0:
            for path, fault in faults.items():
                if fault and path.exists():
                    logger.info("%s %s: it is made again", path.name, fault)
            if missing:
                self._marker.parent.mkdir(parents=True, exist_ok=True)
                self._marker.touch()
            for path in surplus:
                logger.info("%s is no part of the set: it is removed", path.name)
                path.unlink()
        for path, recipe in list(missing.items())[rank() :: world_size()]:
            _make(path, recipe)
        wait_for_all()
        if rank() == 0:
            self._marker.unlink(missing_ok=True)
        wait_for_all()

    @property
    def _marker(self) -> Path:
        return self._folder / ".incomplete"

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.safetensors"))

    def _exists(self) -> bool:
        return bool(self._files()) and not self._marker.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._folder}


def _make(path: Path, recipe: Recipe) -> None:
    with atomic_path(path) as temporary:
        recipe.write(temporary)


def _made_from(path: Path, recipe: Recipe) -> bool:
    if not path.is_file():
        return False
    try:
        return read_artifact(path).card.get("key") == recipe.key
    except InputError:
        return False


def _fault(path: Path, recipe: Recipe) -> str:
    """Why the file is not what ``recipe`` makes; empty where it is."""
    if not path.is_file():
        return "is missing"
    try:
        artifact = read_artifact(path)
    except InputError:
        return "is damaged"
    if artifact.card.get("key") != recipe.key:
        return "was made from something else"
    return "" if artifact.card.get("digest") == artifact.digest else "is damaged"

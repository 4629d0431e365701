"""A folder that is written as a whole."""

import logging
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from synthpath_kedro.errors import InputError

logger = logging.getLogger(__name__)


class WrittenFolderDataset(AbstractDataset[Callable[[Path], None], Path]):
    """Saves what writes into a folder; loads as the folder's path.

    The folder is written under a temporary name beside its place, and then takes the place of the older one; where
    nothing was written, the older one stays.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        return self._folder

    def save(self, data: Callable[[Path], None]) -> None:
        try:
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            for litter in self._folder.parent.glob(f".{self._folder.name}.*.part"):
                shutil.rmtree(litter)  # of a killed run
            temporary = Path(tempfile.mkdtemp(prefix=f".{self._folder.name}.", suffix=".part", dir=self._folder.parent))
        except OSError as error:
            raise InputError(
                f"cannot write to {self._folder.parent}: {error.strerror}; give write permission"
            ) from error
        try:
            data(temporary)
            if not any(temporary.iterdir()) and self._exists() and any(self._folder.iterdir()):
                logger.info("%s stays as an earlier run left it", self._folder)
                return
            temporary.chmod(0o755)
            shutil.rmtree(self._folder, ignore_errors=True)
            temporary.rename(self._folder)
        except OSError as error:
            raise InputError(f"cannot write {self._folder}: {error.strerror or error}") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _exists(self) -> bool:
        return self._folder.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._folder}

"""The synthetic set in forms for other training scripts, as a folder that is written as a whole."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from synthpath_kedro.data.artifact import PART, part_prefix, stale_parts
from synthpath_kedro.data.export import Export
from synthpath_kedro.errors import InputError


class ExportDataset(AbstractDataset[Export, Path]):
    """Writes an export; loads as the folder's path.

    The folder is written under a temporary name beside its place, and then takes the place of the older one.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        return self.path

    def save(self, data: Export) -> None:
        parent = self.path.parent
        try:
            parent.mkdir(parents=True, exist_ok=True)
            for left_by_a_killed_run in stale_parts(self.path):
                shutil.rmtree(left_by_a_killed_run)
            temporary = Path(tempfile.mkdtemp(prefix=part_prefix(self.path), suffix=PART, dir=parent))
        except OSError as error:
            raise InputError(f"cannot write to {parent}: {error.strerror}; give write permission") from error
        try:
            data.write(temporary)
            temporary.chmod(0o755)
            shutil.rmtree(self.path, ignore_errors=True)
            temporary.rename(self.path)
        except OSError as error:
            raise InputError(f"cannot write {self.path}: {error.strerror or error}") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _exists(self) -> bool:
        return self.path.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self.path}

"""A local file system whose files appear atomically."""

import io
import sys
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from synthpath_kedro.data.artifact import atomic_path


class AtomicFile(io.BufferedWriter):
    """Writes to a temporary name and takes its own name when it is closed, unless an exception closes it."""

    def __init__(self, path: Path) -> None:
        self._renaming = atomic_path(path)
        super().__init__(io.FileIO(self._renaming.__enter__(), "w"))

    def close(self) -> None:
        if self.closed:
            return
        try:
            super().close()
        finally:  # also where the last bytes find no place on the disk
            self._renaming.__exit__(*sys.exc_info())


class AtomicFileSystem(LocalFileSystem):
    """The local file system, with atomic writes."""

    cachable = False

    def _open(self, path: str, mode: str = "rb", block_size: int | None = None, **kwargs: Any) -> Any:
        if mode == "wb":
            return AtomicFile(Path(self._strip_protocol(path)))
        return super()._open(path, mode, block_size, **kwargs)

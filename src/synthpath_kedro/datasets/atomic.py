"""A local file system whose files appear atomically."""

from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from synthpath_kedro.data.artifact import AtomicFile


class AtomicFileSystem(LocalFileSystem):
    """The local file system, with atomic writes."""

    cachable = False

    def _open(self, path: str, mode: str = "rb", block_size: int | None = None, **kwargs: Any) -> Any:
        if mode == "wb":
            return AtomicFile(Path(self._strip_protocol(path)))
        return super()._open(path, mode, block_size, **kwargs)

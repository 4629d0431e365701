"""kedro-datasets' tables, figures, JSON and text, written atomically and, where asked, optional."""

from pathlib import Path
from typing import Any

from kedro.io import DatasetError
from kedro_datasets.json import JSONDataset as KedroJSONDataset
from kedro_datasets.matplotlib import MatplotlibDataset
from kedro_datasets.pandas import CSVDataset
from kedro_datasets.text import TextDataset as KedroTextDataset

from synthpath_kedro.datasets.atomic import AtomicFileSystem
from synthpath_kedro.errors import InputError


class _LocalFile:
    """Mixed into a file dataset of kedro-datasets.

    With ``optional``, loading gives None where there is no file, and saving something empty removes the file.
    """

    def __init__(self, *, optional: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._fs = AtomicFileSystem()
        self._optional = optional

    def load(self) -> Any:
        if self._optional and not self._exists():  # type: ignore[attr-defined]
            return None
        try:
            return super().load()  # type: ignore[misc]
        except (DatasetError, ValueError) as error:
            path = Path(self._get_load_path())  # type: ignore[attr-defined]
            if not path.is_file():
                raise
            reason = str(error.__cause__ or error).splitlines()[0]
            raise InputError(
                f"{path} cannot be read ({reason}): it is damaged; remove it and run the pipeline that makes it"
            ) from error

    def save(self, data: Any) -> None:
        if self._optional and _is_empty(data):
            Path(self._get_save_path()).unlink(missing_ok=True)  # type: ignore[attr-defined]
            return
        super().save(data)  # type: ignore[misc]


def _is_empty(data: Any) -> bool:
    return hasattr(data, "__len__") and len(data) == 0


class TableDataset(_LocalFile, CSVDataset):
    """A table as CSV."""


class JSONDataset(_LocalFile, KedroJSONDataset):
    """A card as JSON."""


class TextDataset(_LocalFile, KedroTextDataset):
    """A page of text or HTML."""


class FigureDataset(_LocalFile, MatplotlibDataset):
    """A figure as PNG; loads as the PNG's bytes, so that a report can embed what an earlier run drew."""

    def load(self) -> bytes | None:
        if self._optional and not self._exists():
            return None
        return Path(self._get_load_path()).read_bytes()

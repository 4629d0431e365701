"""kedro-datasets' tables, figures, JSON and text, written atomically and, where asked, optional."""

from pathlib import Path
from typing import Any

from kedro.io import DatasetError
from kedro_datasets.json import JSONDataset as KedroJSONDataset
from kedro_datasets.matplotlib import MatplotlibDataset
from kedro_datasets.pandas import CSVDataset
from kedro_datasets.text import TextDataset as KedroTextDataset
from pandas.api.types import is_numeric_dtype

from synthpath_kedro.data.missing import MISSING, Missing
from synthpath_kedro.datasets.atomic import AtomicFileSystem
from synthpath_kedro.errors import InputError

_TEXTS = ("set", "class")
"""Columns that hold text also where every value is empty."""


class _LocalFile:
    """Mixed into a file dataset of kedro-datasets.

    With ``optional``, loading gives MISSING where there is no file, and saving MISSING removes the file.
    """

    def __init__(self, *, optional: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if self._protocol == "file":  # type: ignore[attr-defined]
            self._fs = AtomicFileSystem()
        self.optional = optional

    def load(self) -> Any:
        if self.optional and not self._exists():  # type: ignore[attr-defined]
            return MISSING
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
        if self.optional and data is MISSING:
            Path(self._get_save_path()).unlink(missing_ok=True)  # type: ignore[attr-defined]
            return
        super().save(data)  # type: ignore[misc]

    @property
    def path(self) -> Path:
        """The file that is loaded."""
        return Path(self._get_load_path())  # type: ignore[attr-defined]


class TableDataset(_LocalFile, CSVDataset):
    """A table as CSV; a text that was saved empty, such as the set of a cell without one, loads as empty text."""

    def load(self) -> Any:
        table = super().load()
        if table is MISSING:
            return MISSING
        texts = [name for name in table if name in _TEXTS or not is_numeric_dtype(table[name])]
        return table.assign(**{name: table[name].astype(object).fillna("") for name in texts})


class JSONDataset(_LocalFile, KedroJSONDataset):
    """A card as JSON."""


class TextDataset(_LocalFile, KedroTextDataset):
    """A page of text or HTML."""


class FigureDataset(_LocalFile, MatplotlibDataset):
    """A figure as PNG, or a folder of figures by path; loads as bytes, so that a report can embed an earlier figure."""

    def load(self) -> bytes | dict[str, bytes] | Missing:
        if self.optional and not self._exists():
            return MISSING
        if self.path.is_dir():
            figures = sorted(self.path.rglob("*.png"))
            return {figure.relative_to(self.path).as_posix(): figure.read_bytes() for figure in figures}
        return self.path.read_bytes()

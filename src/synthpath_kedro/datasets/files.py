"""kedro-datasets' tables, figures, JSON and text, written atomically and, where asked, optional."""

import json
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import JSONPreview
from kedro_datasets.json import JSONDataset as KedroJSONDataset
from kedro_datasets.matplotlib import MatplotlibDataset
from kedro_datasets.pandas import CSVDataset
from kedro_datasets.text import TextDataset as KedroTextDataset

from synthpath_kedro.data.data_card import DataCard
from synthpath_kedro.data.missing import MISSING, Missing
from synthpath_kedro.datasets.atomic import AtomicFileSystem
from synthpath_kedro.datasets.versioned import OwnVersion
from synthpath_kedro.errors import InputError


class _LocalFile(OwnVersion):
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


TEXT_COLUMNS = (
    *("attack", "baseline", "beside", "class", "corruption", "disguise", "extractor", "family", "measure", "metric"),
    *(
        "missing_classes",
        "model",
        "prepared",
        "reason",
        "reference",
        "regime",
        "scaling",
        "set",
        "signs",
        "source",
        "space",
        "stage",
    ),
    *("tested_on", "variant", "verdict", "weights"),
)
"""Columns that hold text: what a user may have named (``class``, ``model``, ``set``) and words of our own."""

CODES = ("replicate",)
"""Columns of numbers among which a word of our own may stand, such as "all"."""

_MISSING_NUMBER = "nan"


class TableDataset(_LocalFile, CSVDataset):
    """A table as CSV.

    A column of ``TEXT_COLUMNS`` loads as text whatever it holds: a class may be called NA, 001, True or nan. The others
    are numbers and booleans; a missing number is written as nan.
    """

    DEFAULT_LOAD_ARGS = {
        **CSVDataset.DEFAULT_LOAD_ARGS,
        "dtype": dict.fromkeys(TEXT_COLUMNS, str),
        "keep_default_na": False,
        "na_values": [_MISSING_NUMBER],
    }
    DEFAULT_SAVE_ARGS = {**CSVDataset.DEFAULT_SAVE_ARGS, "na_rep": _MISSING_NUMBER}

    def load(self) -> Any:
        table = super().load()
        if table is MISSING:
            return table
        text = dict.fromkeys(table.columns.intersection(TEXT_COLUMNS), _MISSING_NUMBER)
        return table.fillna(text)  # nothing is missing in a column of text: there nan is a name

    def save(self, data: Any) -> None:
        if data is not MISSING and isinstance(self._load_args["dtype"], dict):
            _check_types(data)
        super().save(data)


def _check_types(table: pd.DataFrame) -> None:
    """Raises DatasetError where a column would load as another type than it has."""
    types = {str(name): pd.api.types.infer_dtype(table[name]) for name in table}
    text = types.keys() & set(TEXT_COLUMNS)
    types |= {name: "missing" for name in text if table[name].isna().any()}
    wrong = {name for name in text if types[name] not in ("string", "empty")}
    wrong |= {name for name in types.keys() - text - set(CODES) if types[name] in ("string", "mixed", "mixed-integer")}
    if wrong:
        named = ", ".join(f"{name} ({types[name]})" for name in sorted(wrong))
        raise DatasetError(f"columns are not what TEXT_COLUMNS says of them: {named}; declare text there")


class TablesDataset(AbstractDataset[NoReturn, dict[str, pd.DataFrame]]):
    """The newest version of each of some tables that may be there, by name; for reading only."""

    def __init__(self, *, filepath: str, names: list[str], metadata: dict[str, Any] | None = None) -> None:
        self._folder, self._names = Path(filepath), names
        self.metadata = metadata

    def load(self) -> dict[str, pd.DataFrame]:
        newest = {name: max(self._folder.glob(f"{name}.csv/*/{name}.csv"), default=None) for name in self._names}
        return {name: TableDataset(filepath=str(path)).load() for name, path in newest.items() if path is not None}

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        raise DatasetError("this dataset is for reading only")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._folder, "names": self._names}


class JSONDataset(_LocalFile, KedroJSONDataset):
    """Plain values as JSON."""


class DataCardDataset(JSONDataset):
    """The data card as JSON."""

    def load(self) -> DataCard:
        return DataCard.from_json(super().load())

    def save(self, data: DataCard) -> None:
        super().save(data.to_json())

    def preview(self) -> JSONPreview:
        """The card, for kedro-viz."""
        return JSONPreview(json.dumps(self.load().to_json()))


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

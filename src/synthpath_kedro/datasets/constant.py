"""A value that the catalog's pattern spells out: which model or cell a namespaced node works on."""

from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError


class ConstantDataset(AbstractDataset[NoReturn, Any]):
    """Loads as the value it was configured with."""

    def __init__(self, *, value: Any, metadata: dict[str, Any] | None = None) -> None:
        self._value = value
        self.metadata = metadata

    def load(self) -> Any:
        return self._value

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        raise DatasetError("a constant cannot be saved")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"value": self._value}

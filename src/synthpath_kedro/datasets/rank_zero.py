"""What one of several processes saves for all."""

from typing import Any

from kedro.io import AbstractDataset

from synthpath_kedro.training.distributed import rank, wait_for_all


class RankZeroDataset(AbstractDataset[Any, Any]):
    """Saves in the first process only; the others wait until the data is there."""

    def __init__(self, dataset: AbstractDataset) -> None:
        self._dataset = dataset

    def load(self) -> Any:
        return self._dataset.load()

    def save(self, data: Any) -> None:
        if rank() == 0:
            self._dataset.save(data)
        wait_for_all()

    def _exists(self) -> bool:
        return self._dataset.exists()

    def _describe(self) -> dict[str, Any]:
        return self._dataset._describe()

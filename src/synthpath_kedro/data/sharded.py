"""One array of images in several memory-mapped parts, read only as far as it is asked for."""

from collections.abc import Sequence
from typing import Any

import numpy as np

Rows = slice | np.ndarray | Sequence[int] | int


class ShardedImages:
    """uint8 [N, H, W, 3] in parts that stay on the disk; rows are copied into memory when they are asked for.

    Args:
        parts: arrays [n, H, W, 3] of one image size, in order.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, parts: Sequence[np.ndarray]) -> None:
        self._parts = list(parts)
        self._ends = np.cumsum([len(part) for part in parts], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    @property
    def shape(self) -> tuple[int, ...]:
        """[N, H, W, 3]."""
        return (len(self), *(self._parts[0].shape[1:] if self._parts else (0, 0, 3)))

    def __getitem__(self, rows: Any) -> np.ndarray:
        """The images at ``rows`` (a number, a slice, or an array of numbers or booleans), in that order.

        Raises:
            IndexError: a row is out of range or no whole number, or there is not one boolean per image.
        """
        if isinstance(rows, int | np.integer):
            return self[np.array([rows])][0]
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        rows = np.asarray(rows) if len(rows) else np.empty(0, np.int64)
        if rows.ndim != 1 or rows.dtype.kind not in "biu":
            raise IndexError(f"rows of shape {list(rows.shape)} and dtype {rows.dtype}; one whole number per image")
        if rows.dtype == bool:
            if len(rows) != len(self):
                raise IndexError(f"{len(rows)} booleans for {len(self)} images")
            rows = np.flatnonzero(rows)
        rows = rows.astype(np.int64)
        if len(rows) and (rows.min() < -len(self) or rows.max() >= len(self)):
            raise IndexError(f"rows {rows.min()} to {rows.max()} of {len(self)} images")
        rows = np.where(rows < 0, rows + len(self), rows)
        taken = np.empty((len(rows), *self.shape[1:]), np.uint8)
        part_of = np.searchsorted(self._ends, rows, side="right")
        for part in np.unique(part_of):
            places = np.flatnonzero(part_of == part)
            start = int(self._ends[part]) - len(self._parts[part])
            taken[places] = self._parts[part][rows[places] - start]
        return taken

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All images in memory; for small sets."""
        del copy
        return self[:] if dtype is None else self[:].astype(dtype)

"""What a training reads: images or stored cached features, by the batch, from arrays that need not fit in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from synthpath_kedro.data.regimes import Batch


class Rows(Protocol):
    """Images or features that are read by the batch: a numpy array, or one that lies in several files."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: np.ndarray | slice) -> np.ndarray:
        """The rows with these numbers, or of this range."""


@dataclass(frozen=True)
class Source:
    """Inputs and labels of one set of images.

    Attributes:
        inputs: uint8 [N, H, W, 3] images, or float [N, *frozen] features of the frozen part.
        labels: int64 [N].
        rows: int64 [n], the images to use where not all are; an image's number is then its place here.
    """

    inputs: Rows
    labels: np.ndarray
    rows: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels if self.rows is None else self.rows)

    @property
    def chosen_labels(self) -> np.ndarray:
        """Labels [n] of the images to use."""
        return self.labels if self.rows is None else self.labels[self.rows]

    def take(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and labels of the images with these numbers."""
        rows = indices if self.rows is None else self.rows[indices]
        return self.inputs[rows], self.labels[rows]


class EpochBatches:
    """The batches of one epoch of training, as (inputs, labels).

    Args:
        real: the real images.
        synthetic: the synthetic images; None where no batch holds any.
        batches: indices into each.
    """

    def __init__(self, real: Source, synthetic: Source | None, batches: Sequence[Batch]) -> None:
        self.real, self.synthetic, self.batches = real, synthetic, batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for of_real, of_synthetic in self.batches:
            parts = [(self.real, of_real)] if len(of_real) else []
            parts += [(self.synthetic, of_synthetic)] if self.synthetic is not None and len(of_synthetic) else []
            inputs, labels = zip(*(source.take(indices) for source, indices in parts), strict=True)
            yield torch.from_numpy(_joined(inputs)), torch.from_numpy(_joined(labels))


class InOrder:
    """All of ``source`` in order, by the batch."""

    def __init__(self, source: Source, batch_size: int) -> None:
        self.source, self.batch_size = source, batch_size

    def __len__(self) -> int:
        return -(-len(self.source) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(self.source), self.batch_size):
            rows = slice(start, start + self.batch_size)
            yield (
                torch.from_numpy(np.array(self.source.inputs[rows])),
                torch.from_numpy(np.array(self.source.labels[rows])),
            )


def _joined(arrays: tuple[np.ndarray, ...]) -> np.ndarray:
    return np.ascontiguousarray(arrays[0]) if len(arrays) == 1 else np.concatenate(arrays)

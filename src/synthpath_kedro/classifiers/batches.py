"""What a training reads: images or stored cached features, by the batch, from arrays that need not fit in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from synthpath_kedro.data.regimes import Batch
from synthpath_kedro.training.resident import Rows, resident, take


@dataclass(frozen=True)
class Source:
    """Inputs and labels of one set of images.

    Attributes:
        inputs: uint8 [N, H, W, 3] images, or float [N, *frozen] features of the frozen part; a tensor where they lie on
            the GPU.
        labels: int64 [N].
        rows: int64 [n], the images to use where not all are; an image's number is then its place here.
    """

    inputs: Rows | Tensor
    labels: np.ndarray
    rows: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels if self.rows is None else self.rows)

    @property
    def chosen_labels(self) -> np.ndarray:
        """Labels [n] of the images to use."""
        return self.labels if self.rows is None else self.labels[self.rows]

    @property
    def resident(self) -> "Source":
        """The same with its inputs on the GPU, where they fit."""
        return self if isinstance(self.inputs, Tensor) else replace(self, inputs=resident(self.inputs))

    def take(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        """Inputs and labels of the images with these numbers."""
        rows = indices if self.rows is None else self.rows[indices]
        return take(self.inputs, rows), take(self.labels, rows)


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
            yield _joined(inputs), _joined(labels)


class InOrder:
    """All of ``source`` in order, by the batch."""

    def __init__(self, source: Source, batch_size: int) -> None:
        self.source, self.batch_size = source, batch_size

    def __len__(self) -> int:
        return -(-len(self.source) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(self.source), self.batch_size):
            rows = slice(start, start + self.batch_size)
            yield take(self.source.inputs, rows), take(self.source.labels, rows)


def _joined(parts: tuple[Tensor, ...]) -> Tensor:
    # Of several sets one may have been too large for the GPU.
    return parts[0] if len(parts) == 1 else torch.cat([part.to(parts[0].device) for part in parts])

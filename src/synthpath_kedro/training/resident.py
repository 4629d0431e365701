"""Training data that lies on the GPU as a whole, where it fits: no batch waits for the disk, the CPU or the bus."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from synthpath_kedro.training.device import choose_device

_SHARE_OF_FREE_MEMORY = 0.25
"""The rest is for weights, activations and the other sets of images."""

_ROWS_AT_ONCE = 4096


class Rows(Protocol):
    """Images or features that are read by the batch: a numpy array, or one that lies in several files."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: np.ndarray | slice) -> np.ndarray:
        """The rows with these numbers, or of this range."""


def resident(rows: Rows) -> Rows | Tensor:
    """All of ``rows`` as one tensor on the GPU; ``rows`` themselves where there is none or it has too little memory."""
    device = choose_device()
    one = rows[:1]
    if not len(one) or not _fits(len(rows) * one.nbytes, device):
        return rows
    found = torch.empty((len(rows), *one.shape[1:]), dtype=torch.from_numpy(np.array(one)).dtype, device=device)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        found[part] = torch.from_numpy(np.array(rows[part]))
    return found


def take(rows: Rows | Tensor, indices: np.ndarray | slice) -> Tensor:
    """The rows with these numbers, or of this range, where they are: on the GPU or in memory."""
    if isinstance(rows, Tensor):
        return rows[indices if isinstance(indices, slice) else torch.from_numpy(indices).to(rows.device)]
    found = rows[indices]
    # A range of a file is a view of it, which cannot be written to.
    return torch.from_numpy(np.array(found) if isinstance(indices, slice) else np.ascontiguousarray(found))


def _fits(n_bytes: int, device: torch.device) -> bool:
    return device.type == "cuda" and n_bytes <= _SHARE_OF_FREE_MEMORY * torch.cuda.mem_get_info(device)[0]

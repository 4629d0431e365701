"""Exact nearest neighbors by blocked matrix products."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, Num

_BLOCK_BYTES = 2**26
_SPARE = 8


@dataclass(frozen=True)
class Neighbors:
    """The k nearest points of each query, nearest first.

    Attributes:
        distances: Euclidean.
        indices: rows of the points.
    """

    distances: Float[np.ndarray, "queries k"]
    indices: Int[np.ndarray, "queries k"]


def nearest_neighbors(
    queries: Num[np.ndarray, "queries dimensions"],
    points: Num[np.ndarray, "points dimensions"] | None = None,
    k: int = 1,
) -> Neighbors:
    """Finds each query's ``k`` nearest among ``points`` by Euclidean distance, exactly.

    Candidates come from |y|^2 - 2 x.y in float32, a matrix product of centered rows; their distances are then taken
    again from the differences, so that a copy is at distance 0 and not at the rounding error of the product.

    Args:
        queries: any numeric dtype.
        points: any numeric dtype; None searches the queries among themselves, each without itself.
        k: at most the number of points (less one without ``points``).

    Raises:
        ValueError: ``k`` is not available, or dimensions differ.
    """
    among_themselves = points is None
    x = _rows(queries)
    y = x if points is None else _rows(points)
    available = len(y) - among_themselves
    if not 1 <= k <= available:
        raise ValueError(f"k must lie in 1 ... {available} (the points there are), got {k}")
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"queries have {x.shape[1]} dimensions, points {y.shape[1]}")
    center = y.mean(dim=0)
    towards = (y - center).T
    squares = towards.square().sum(dim=0)
    block = max(1, _BLOCK_BYTES // (4 * len(y)))
    found = []
    for start in range(0, len(x), block):
        rows = x[start : start + block]
        scores = torch.addmm(squares, rows - center, towards, alpha=-2)
        if among_themselves:
            scores.diagonal(offset=start).fill_(torch.inf)
        candidates = scores.topk(min(k + _SPARE, available), dim=1, largest=False, sorted=False).indices
        found.append(_nearest_of(rows, y, candidates, k))
    distances, indices = (torch.cat(parts).numpy() for parts in zip(*found, strict=True))
    return Neighbors(distances, indices)


def _nearest_of(
    rows: torch.Tensor, points: torch.Tensor, candidates: torch.Tensor, k: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The k nearest candidates, by distance and then by index, one candidate column at a time to stay small."""
    candidates = candidates.sort(dim=1).values
    squared = torch.stack([(rows - points[column]).square().sum(dim=1) for column in candidates.T], dim=1)
    nearest = squared.sort(dim=1, stable=True)
    return nearest.values[:, :k].sqrt(), candidates.gather(1, nearest.indices[:, :k])


def _rows(array: np.ndarray) -> torch.Tensor:
    if array.ndim != 2 or not len(array):
        raise ValueError(f"neighbors need rows of numbers [N, D], got shape {array.shape}")
    return torch.from_numpy(np.array(array, dtype=np.float32))

"""The averaged weights that images are sampled from."""

from typing import Any

import torch
from lightning.pytorch.callbacks import WeightAveraging


def ema_decay(n: int, limit: float) -> float:
    """Decay after ``n`` updates; a fixed one would leave a short training mostly at its first weights."""
    return min(limit, (1 + n) / (10 + n))


class ExponentialMovingAverage(WeightAveraging):
    """Averages the weights after every step; validation and the end of training use the average.

    Args:
        limit: the largest decay.
    """

    def __init__(self, limit: float) -> None:
        def update(averages: Any, weights: Any, n: Any) -> None:
            torch._foreach_lerp_(averages, weights, 1 - ema_decay(int(n), limit))

        super().__init__(use_buffers=False, multi_avg_fn=update)

    @property
    def average(self) -> dict[str, torch.Tensor]:
        """The averaged weights by name."""
        if self._average_model is None:
            raise RuntimeError("there is no average before training starts")
        return self._average_model.module.state_dict()

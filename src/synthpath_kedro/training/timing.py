"""Short measurements of how fast this machine works something off."""

import time
from collections.abc import Callable

import torch


def images_per_second(step: Callable[[int], object], batch_size: int, seconds: float) -> float:
    """How many images per second ``step`` works off, from a batch that takes about ``seconds``.

    Args:
        step: does the work on that many images.
        batch_size: the largest batch to try.
        seconds: that the measured batch should take.
    """
    _time(step, 1)
    one = _time(step, 1)
    batch = max(1, min(batch_size, int(seconds / one)))
    return batch / (_time(step, batch) if batch > 1 else one)


def now() -> float:
    """Seconds on a clock that is read when the accelerator has nothing left to do."""
    if torch.accelerator.is_available():
        torch.accelerator.synchronize()
    return time.perf_counter()


def _time(step: Callable[[int], object], n: int) -> float:
    start = now()
    step(n)
    return now() - start

"""Short measurements of this machine."""

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

PROBE_SECONDS = 0.3


def images_per_second(step: Callable[[int], object], batch_size: int) -> float:
    """How many images a second ``step`` works off, from a batch that takes about ``PROBE_SECONDS``.

    Args:
        step: does the work on that many images.
        batch_size: the largest batch to try.
    """
    _seconds(step, 1)
    one = _seconds(step, 1)
    batch = max(1, min(batch_size, int(PROBE_SECONDS / one)))
    return batch / (_seconds(step, batch) if batch > 1 else one)


def saved_bytes(network: nn.Module, forward: Callable[[], object]) -> int:
    """Bytes that autograd keeps between the forward and the backward pass, without the network's own weights.

    Args:
        network: whose weights are not counted.
        forward: the forward pass.
    """
    weights = {tensor.untyped_storage().data_ptr() for tensor in (*network.parameters(), *network.buffers())}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = forward()
    del result
    return sum(kept.values())


def _seconds(step: Callable[[int], object], n: int) -> float:
    start = time.perf_counter()
    step(n)
    if torch.accelerator.is_available():
        torch.accelerator.synchronize()
    return time.perf_counter() - start

"""What a training step keeps in memory."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


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

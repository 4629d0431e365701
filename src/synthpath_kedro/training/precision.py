"""The arithmetic of networks that are not trained: float32, or bfloat16 where a GPU is made for it."""

from typing import Any

import torch
from torch import Tensor, nn

from synthpath_kedro.parameters.block import Precision

FLOAT32: Precision = "float32"
BFLOAT16: Precision = "bfloat16"


def resolve_precision(precision: Precision, device: torch.device) -> Precision:
    """``precision``, with ``auto`` as what it means on ``device``: bfloat16 on CUDA where the GPU has it."""
    if precision != "auto":
        return precision
    has_bfloat16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return BFLOAT16 if has_bfloat16 else FLOAT32


def computing_in(precision: Precision, device: torch.device) -> torch.autocast:
    """A context in which layers compute in ``precision`` (not ``auto``), but for those that need float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == BFLOAT16)


class InPrecision(nn.Module):
    """A network that computes in ``precision`` and gives back the dtype of its first input.

    Only the network: whatever is done with its input and output stays in their own dtype.
    """

    def __init__(self, network: nn.Module, precision: Precision) -> None:
        super().__init__()
        self.network, self.precision = network, precision

    def forward(self, x: Tensor, *others: Any) -> Tensor:
        with computing_in(self.precision, x.device):
            return self.network(x, *others).to(x.dtype)

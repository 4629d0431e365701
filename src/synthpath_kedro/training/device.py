"""Where networks run."""

from typing import TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def choose_device() -> torch.device:
    """CUDA where there is a GPU, then Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def placed(network: Network) -> Network:
    """``network`` itself, moved to where networks run; on CUDA channels last in memory, which suits convolutions."""
    device = choose_device()
    network.to(device)
    # A call of its own: PyTorch's stubs know no device beside a memory format.
    return network.to(memory_format=torch.channels_last) if device.type == "cuda" else network


def widest_float(device: torch.device) -> torch.dtype:
    """The dtype of noise levels on ``device``: float64, or float32 on MPS, which has no float64."""
    return torch.float32 if device.type == "mps" else torch.float64


def float64_device(device: torch.device) -> torch.device:
    """Where what belongs on ``device`` is computed in float64: there, or on the CPU for MPS."""
    return torch.device("cpu") if device.type == "mps" else device

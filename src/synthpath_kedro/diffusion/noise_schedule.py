"""How much of the image is left at each timestep of the forward process, for epsilon and v."""

import math

import torch
from jaxtyping import Float64
from torch import Tensor

from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import NoiseScheduleParameters

_COSINE_OFFSET = 0.008
_COSINE_MAX_BETA = 0.999
_SMALLEST = 1e-12


def alphas_cumprod(parameters: NoiseScheduleParameters) -> Float64[Tensor, " timesteps"]:
    """The share of the image's variance that is left, alpha-bar_t, for t = 1 to T; falls from about 1 to about 0.

    Raises:
        InputError: it falls to nothing, so that no noise level has a ratio of image to noise.
    """
    if parameters.name == "linear":
        betas = linear_betas(parameters.timesteps, parameters.beta_start, parameters.beta_end)
    else:
        betas = cosine_betas(parameters.timesteps)
    left = torch.cumprod(1 - betas, 0)
    if left[-1] < _SMALLEST:
        raise InputError(
            f"diffusion.noise_schedule with timesteps {parameters.timesteps} and beta_end {parameters.beta_end:g} "
            "leaves nothing of the image that could be counted: lower beta_end or timesteps"
        )
    return left


def linear_betas(timesteps: int, beta_start: float, beta_end: float) -> Float64[Tensor, " timesteps"]:
    """Variances that rise linearly (Ho et al. 2020, section 4)."""
    return torch.linspace(beta_start, beta_end, timesteps, dtype=torch.float64)


def cosine_betas(timesteps: int) -> Float64[Tensor, " timesteps"]:
    """Variances that make alpha-bar a squared cosine (Nichol & Dhariwal 2021, equation 17), clipped at 0.999."""
    t = torch.arange(timesteps + 1, dtype=torch.float64) / timesteps
    f = torch.cos((t + _COSINE_OFFSET) / (1 + _COSINE_OFFSET) * math.pi / 2) ** 2
    return (1 - f[1:] / f[:-1]).clamp(max=_COSINE_MAX_BETA)

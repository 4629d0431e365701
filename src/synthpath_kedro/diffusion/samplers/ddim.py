"""Denoising diffusion implicit models."""

import math

from synthpath_kedro.diffusion.parameterization import NoiseLevels
from synthpath_kedro.diffusion.samplers.types import Denoise, Images, Labels, Noise, steps


def ddim(denoise: Denoise, levels: NoiseLevels, labels: Labels, noise: Noise, eta: float = 0.0) -> Images:
    """Song et al. 2021, equations 12 and 16.

    Args:
        denoise: the denoiser.
        levels: noise levels [num_steps + 1].
        labels: the images' labels.
        noise: gives standard normal numbers; called once, and once per step if ``eta`` is above 0.
        eta: 0 deterministic to 1 ancestral.
    """
    x = levels.sigma[0].item() * noise()
    for level, alpha_t, sigma_t, alpha_s, sigma_s in steps(levels):
        x0 = denoise(x, level, labels)
        epsilon = (x - alpha_t * x0) / sigma_t
        variance_t_given_s = sigma_t**2 - (alpha_t / alpha_s * sigma_s) ** 2
        std = eta * sigma_s / sigma_t * math.sqrt(variance_t_given_s)
        x = alpha_s * x0 + math.sqrt(sigma_s**2 - std**2) * epsilon
        if std > 0:
            x = x + std * noise()
    return x

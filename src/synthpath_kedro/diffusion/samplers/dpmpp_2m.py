"""The multistep solver DPM-Solver++(2M)."""

import math

from synthpath_kedro.diffusion.parameterization import NoiseLevels
from synthpath_kedro.diffusion.samplers.types import Denoise, Images, Labels, Noise, steps


def dpmpp_2m(denoise: Denoise, levels: NoiseLevels, labels: Labels, noise: Noise) -> Images:
    """Lu et al. 2022, algorithm 2; of first order at the first step and at the last, which ends at zero noise."""
    x = levels.sigma[0].item() * noise()
    previous_x0, previous_h = None, 0.0
    for level, alpha_t, sigma_t, alpha_s, sigma_s in steps(levels):
        x0 = denoise(x, level, labels)
        if sigma_s == 0:
            return alpha_s * x0
        h = math.log(alpha_s / sigma_s) - math.log(alpha_t / sigma_t)
        d = x0 if previous_x0 is None else x0 + h / (2 * previous_h) * (x0 - previous_x0)
        x = sigma_s / sigma_t * x - alpha_s * math.expm1(-h) * d
        previous_x0, previous_h = x0, h
    return x

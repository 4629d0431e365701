"""Ancestral sampling."""

from synthpath_kedro.diffusion.parameterization import NoiseLevels
from synthpath_kedro.diffusion.samplers.ddim import ddim
from synthpath_kedro.diffusion.samplers.types import Denoise, Images, Labels, Noise


def ddpm(denoise: Denoise, levels: NoiseLevels, labels: Labels, noise: Noise) -> Images:
    """Samples x_s from the posterior q(x_s | x_t, x0) with its own variance (Ho et al. 2020, algorithm 2).

    Over a subset of the timesteps, and for edm, the posterior is that of the two levels of each step. It is DDIM with
    eta 1 (Song et al. 2021, section 4.1).
    """
    return ddim(denoise, levels, labels, noise, eta=1.0)

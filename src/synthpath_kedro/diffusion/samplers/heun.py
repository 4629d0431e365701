"""Heun's method with churn."""

import math
from collections.abc import Callable

from synthpath_kedro.diffusion.parameterization import NoiseLevels
from synthpath_kedro.diffusion.samplers.types import Denoise, Images, Labels, Noise

_GAMMA_MAX = math.sqrt(2) - 1


def heun(
    denoise: Denoise,
    levels: NoiseLevels,
    labels: Labels,
    noise: Noise,
    churn: float = 0.0,
    at_sigma: Callable[[float], NoiseLevels] | None = None,
) -> Images:
    """Karras et al. 2022, algorithm 2, with S_min 0, S_max infinite and S_noise 1.

    Works on x / alpha, whose noise is t = sigma / alpha, so that it serves epsilon and v too.

    Args:
        denoise: the denoiser; evaluated twice per step, once at the last.
        levels: noise levels [num_steps + 1].
        labels: the images' labels.
        noise: gives standard normal numbers; called once, and once per step if ``churn`` is above 0.
        churn: S_churn, how much fresh noise is mixed in, over all steps.
        at_sigma: gives the level of any noise; needed for churn only.
    """
    t = (levels.sigma / levels.alpha).tolist()
    n = len(levels) - 1
    gamma = min(churn / n, _GAMMA_MAX)

    def d_dt(x: Images, t: float, level: NoiseLevels) -> Images:
        return (x - denoise(level.alpha.item() * x, level, labels)) / t

    x = t[0] * noise()
    for i in range(n):
        t_hat, level = t[i], levels[i]
        if gamma > 0 and at_sigma is not None:
            t_hat = t[i] + gamma * t[i]
            level = at_sigma(t_hat)
            x = x + math.sqrt(t_hat**2 - t[i] ** 2) * noise()
        slope = d_dt(x, t_hat, level)
        euler = x + (t[i + 1] - t_hat) * slope
        if t[i + 1] == 0:
            return euler
        x = x + (t[i + 1] - t_hat) * (slope + d_dt(euler, t[i + 1], levels[i + 1])) / 2
    return x

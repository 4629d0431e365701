"""What every sampler takes."""

from collections.abc import Callable, Iterator

from jaxtyping import Float, Int
from torch import Tensor

from synthpath_kedro.diffusion.parameterization import NoiseLevels

Images = Float[Tensor, "batch channels size size"]
Labels = Int[Tensor, " batch"]

Denoise = Callable[[Images, NoiseLevels, Labels], Images]
"""D(x; level, label): the image behind noisy images that share one noise level."""

Noise = Callable[[], Images]
"""A fresh batch of standard normal numbers at every call."""

SamplerFunction = Callable[[Denoise, NoiseLevels, Labels, Noise], Images]
"""Images from noise, along noise levels [num_steps + 1] that fall to zero."""


def steps(levels: NoiseLevels) -> Iterator[tuple[NoiseLevels, float, float, float, float]]:
    """For every step from t to s: the level at t, alpha_t, sigma_t, alpha_s, sigma_s."""
    alpha, sigma = levels.alpha.tolist(), levels.sigma.tolist()
    for i in range(len(levels) - 1):
        yield levels[i], alpha[i], sigma[i], alpha[i + 1], sigma[i + 1]

"""What the denoiser makes of single images: the loss that a membership attack reads."""

import numpy as np
import torch
from jaxtyping import Float64, Int, UInt8
from torch import Tensor

from synthpath_kedro.diffusion.batches import to_denoiser_range
from synthpath_kedro.diffusion.denoiser import Denoiser
from synthpath_kedro.diffusion.parameterization import NoiseLevels
from synthpath_kedro.training.seeding import seeded_generator

_STREAM = 7


@torch.inference_mode()
def image_losses(
    denoiser: Denoiser,
    images: UInt8[np.ndarray, "images height width 3"],
    labels: Int[np.ndarray, " images"],
    n_levels: int,
    batch_size: int,
    seed: int,
) -> Float64[np.ndarray, " images"]:
    """The training loss of every image by itself, averaged over noise levels.

    The levels are the middles of ``n_levels`` equal parts of those that training draws from. At each, every image meets
    the same noise, so that an image's loss does not depend on its place, on its batch or on which other images there
    are, and sets can be compared.

    Args:
        denoiser: the denoiser.
        images: RGB, of the denoiser's size.
        labels: their classes.
        n_levels: noise levels, 1 or more.
        batch_size: images per forward pass.
        seed: of the noise.
    """
    device = next(denoiser.parameters()).device
    levels = denoiser.parameterization.training_levels((torch.arange(n_levels) + 0.5) / n_levels)
    generators = [seeded_generator(seed, _STREAM, k) for k in range(n_levels)]
    shape = (1, 3, *images.shape[1:3])
    noises = [torch.randn(shape, generator=generator).to(device) for generator in generators]
    losses = []
    for start in range(0, len(images), batch_size):
        x0 = to_denoiser_range(images[start : start + batch_size]).to(device)
        truth = torch.from_numpy(np.array(labels[start : start + batch_size], dtype=np.int64)).to(device)
        at_levels = [_losses(denoiser, x0, noise, levels[k], truth) for k, noise in enumerate(noises)]
        losses.append(torch.stack(at_levels).mean(dim=0).cpu())
    return torch.cat(losses).numpy()


def _losses(denoiser: Denoiser, x0: Tensor, noise: Tensor, level: NoiseLevels, labels: Tensor) -> Tensor:
    """Mean square of the network's answer against the right one: that of D against x0, over c_out^2."""
    alpha, sigma = float(level.alpha), float(level.sigma)
    denoised = denoiser.denoise(alpha * x0 + sigma * noise, level, labels)
    c_out = float(denoiser.parameterization.precondition(level).c_out)
    return ((denoised - x0).double() ** 2).mean(dim=(1, 2, 3)) / c_out**2

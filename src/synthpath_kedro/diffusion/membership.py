"""The denoiser's loss on single images, which a membership attack reads."""

import numpy as np
import torch
from jaxtyping import Float64, Int, UInt8
from torch import Tensor

from synthpath_kedro.diffusion.batches import to_denoiser_range
from synthpath_kedro.diffusion.denoiser import Denoiser
from synthpath_kedro.diffusion.encoder import PIXELS, Encoder
from synthpath_kedro.diffusion.parameterization import NoiseLevels
from synthpath_kedro.training.device import widest_float
from synthpath_kedro.training.seeding import Stream, seeded_generator


@torch.inference_mode()
def image_losses(
    denoiser: Denoiser,
    images: UInt8[np.ndarray, "images height width 3"],
    labels: Int[np.ndarray, " images"],
    n_levels: int,
    batch_size: int,
    seed: int,
    encoder: Encoder = PIXELS,
) -> Float64[np.ndarray, " images"]:
    """The training loss of every image by itself, averaged over noise levels.

    The levels are the middles of ``n_levels`` equal parts of those of training. At each, every image gets the
    same noise, so that an image's loss does not depend on its batch or on the other images, and sets can be compared.

    Args:
        denoiser: the denoiser.
        images: RGB, of the denoiser's size.
        labels: their classes.
        n_levels: noise levels, 1 or more.
        batch_size: images per forward pass.
        seed: of the noise.
        encoder: the one that the denoiser was trained with.
    """
    device = next(denoiser.parameters()).device
    levels = denoiser.parameterization.training_levels((torch.arange(n_levels) + 0.5) / n_levels)
    generators = [seeded_generator(seed, Stream.MEMBERSHIP, k) for k in range(n_levels)]
    channels, size = encoder.shape(images.shape[1])
    shape = (1, channels, size, size)
    noises = [torch.randn(shape, generator=generator).to(device) for generator in generators]
    losses = []
    for start in range(0, len(images), batch_size):
        x0 = encoder.encode(to_denoiser_range(images[start : start + batch_size]).to(device))
        truth = torch.from_numpy(np.array(labels[start : start + batch_size], dtype=np.int64)).to(device)
        at_levels = [_losses(denoiser, x0, noise, levels[k], truth) for k, noise in enumerate(noises)]
        losses.append(torch.stack(at_levels).mean(dim=0).cpu())
    return torch.cat(losses).double().numpy()


def _losses(denoiser: Denoiser, x0: Tensor, noise: Tensor, level: NoiseLevels, labels: Tensor) -> Tensor:
    """Mean squared error of the network's output: that of D against x0, over c_out^2."""
    alpha, sigma = float(level.alpha), float(level.sigma)
    denoised = denoiser.denoise(alpha * x0 + sigma * noise, level, labels)
    c_out = float(denoiser.parameterization.precondition(level).c_out)
    return ((denoised - x0).to(widest_float(x0.device)) ** 2).mean(dim=(1, 2, 3)) / c_out**2

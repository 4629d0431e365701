"""The denoiser's loss on single clean images, which a membership attack reads."""

import numpy as np
import torch
from jaxtyping import Float64, Int, UInt8
from torch import Tensor

from synthpath_kedro.diffusion.batches import to_denoiser_range
from synthpath_kedro.diffusion.denoiser import Denoiser
from synthpath_kedro.diffusion.encoder import PIXELS, Encoder
from synthpath_kedro.diffusion.parameterization import NoiseLevels
from synthpath_kedro.training.device import widest_float


@torch.inference_mode()
def image_losses(
    denoiser: Denoiser,
    images: UInt8[np.ndarray, "images height width 3"],
    labels: Int[np.ndarray, " images"],
    n_levels: int,
    batch_size: int,
    encoder: Encoder = PIXELS,
) -> Float64[np.ndarray, " images"]:
    """The training loss of every image by itself with no noise added, averaged over noise levels.

    It is the mean square of the noise that the denoiser sees in a clean image (SimA: Rao, Qu and Moyer 2025,
    arXiv:2509.25003): a network that has memorized an image sees less in it. It tells members better than the loss on
    noisy images, for as many evaluations, and is not random. The levels are the middles of ``n_levels`` equal parts of
    those of training.

    Args:
        denoiser: the denoiser.
        images: RGB, of the denoiser's size.
        labels: their classes.
        n_levels: noise levels, 1 or more.
        batch_size: images per forward pass.
        encoder: the one that the denoiser was trained with.
    """
    device = next(denoiser.parameters()).device
    levels = denoiser.parameterization.training_levels((torch.arange(n_levels) + 0.5) / n_levels)
    losses = []
    for start in range(0, len(images), batch_size):
        x0 = encoder.encode(to_denoiser_range(images[start : start + batch_size]).to(device))
        truth = torch.from_numpy(np.array(labels[start : start + batch_size], dtype=np.int64)).to(device)
        at_levels = [_losses(denoiser, x0, levels[k], truth) for k in range(n_levels)]
        losses.append(torch.stack(at_levels).mean(dim=0).cpu())
    return torch.cat(losses).double().numpy()


def _losses(denoiser: Denoiser, x0: Tensor, level: NoiseLevels, labels: Tensor) -> Tensor:
    """Mean squared error of the network's output: that of D against x0, over c_out^2."""
    denoised = denoiser.denoise(float(level.alpha) * x0, level, labels)
    c_out = float(denoiser.parameterization.precondition(level).c_out)
    return ((denoised - x0).to(widest_float(x0.device)) ** 2).mean(dim=(1, 2, 3)) / c_out**2

"""Classifier-free guidance (Ho & Salimans 2022)."""

import torch

from synthpath_kedro.diffusion.denoiser import Denoiser, Images, Labels
from synthpath_kedro.diffusion.parameterization import NoiseLevels
from synthpath_kedro.diffusion.samplers.types import Denoise


def guided(denoiser: Denoiser, scale: float) -> Denoise:
    """D_null + scale (D_label - D_null): 1 is no guidance, above 1 exaggerates what the label asks for.

    Args:
        denoiser: trained with class dropout unless ``scale`` is 1.
        scale: guidance scale.
    """
    if scale == 1:
        return denoiser.denoise

    def denoise(x: Images, levels: NoiseLevels, labels: Labels) -> Images:
        null = torch.full_like(labels, denoiser.null_label)
        with_label, without = denoiser.denoise(torch.cat([x, x]), levels, torch.cat([labels, null])).chunk(2)
        return without + scale * (with_label - without)

    return denoise


def clipped(denoise: Denoise) -> Denoise:
    """The same denoiser with its images kept in [-1, 1]."""
    return lambda x, levels, labels: denoise(x, levels, labels).clamp(-1, 1)

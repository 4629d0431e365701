"""Time, memory and disk of the denoiser and of synthesis."""

from functools import partial

import torch

from synthpath_kedro.diffusion.cost import estimate_cost
from synthpath_kedro.diffusion.denoiser import Denoiser, planned_denoiser
from synthpath_kedro.diffusion.encoder import encoded_shape
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import Parameters
from synthpath_kedro.planning.autoencoder import estimate_autoencoder
from synthpath_kedro.planning.images import ImageCounts, count_sampled
from synthpath_kedro.planning.probe import saved_bytes
from synthpath_kedro.planning.steps import Step, pixel_bytes

_BYTES = 4  # of a float32
_TRAINED_COPIES = 5  # weights, their average, gradients and AdamW's two moments


def estimate_denoiser(parameters: Parameters, images: ImageCounts | None, probe: bool) -> tuple[list[Step], str | None]:
    """The autoencoder, if any, all denoisers and sampling from them, and what they would be refused for.

    Args:
        parameters: all of them.
        images: how many there are; None: not known.
        probe: time a training step on this machine.
    """
    params, size = parameters.diffusion, parameters.data_prep.image_size
    try:
        denoiser = planned_denoiser(params, size)
        shape = encoded_shape(params, size)
        latent = [estimate_autoencoder(parameters, params.latent, images, probe)] if params.latent else []
    except InputError as error:
        return [Step("diffusion", note="refused"), Step("synthesis", note="refused")], str(error)
    weights = _BYTES * sum(parameter.numel() for parameter in denoiser.parameters())
    activations = saved_bytes(denoiser, partial(_loss_of_one_image, denoiser, shape))
    cost = estimate_cost(params, parameters.synthesis, images.train if images else 0, size, probe)
    minutes = params.budget_minutes
    limit = f"at most {minutes:g} minutes by diffusion.max_minutes" if minutes else ""
    several = f"{params.replicates} denoisers" if params.replicates > 1 else ""
    note = ", each ".join(filter(None, [several, limit]))
    n_images = count_sampled(parameters)
    steps = [
        *latent,
        Step(
            "diffusion",
            seconds=cost.training_seconds if images else None,
            memory_bytes=_TRAINED_COPIES * weights + params.batch_size * activations,
            disk_bytes=params.replicates * weights,
            note=note,
        ),
        Step(
            "synthesis",
            seconds=cost.synthesis_seconds,
            memory_bytes=weights + parameters.synthesis.batch_size * activations / 2,
            disk_bytes=pixel_bytes(n_images, size) * (2 if parameters.synthesis.export == "both" else 1),
            note="" if parameters.synthesis.export == "none" else "its export counted without compression",
        ),
    ]
    return steps, None


def _loss_of_one_image(denoiser: Denoiser, shape: tuple[int, int]) -> torch.Tensor:
    channels, size = shape
    x = torch.zeros(1, channels, size, size)
    levels = denoiser.parameterization.training_levels(torch.full((1,), 0.5))
    return denoiser.loss(x, x, levels, torch.zeros(1, dtype=torch.long))

"""Samples of the averaged weights during training."""

from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from typing_extensions import override

from synthpath_kedro.diffusion.batches import to_uint8
from synthpath_kedro.diffusion.denoiser import Denoiser
from synthpath_kedro.diffusion.encoder import PIXELS, Encoder
from synthpath_kedro.diffusion.guidance import clipped
from synthpath_kedro.diffusion.parameterization import Parameterization, VariancePreserving
from synthpath_kedro.diffusion.samplers import ddpm, dpmpp_2m
from synthpath_kedro.diffusion.samplers.types import Noise
from synthpath_kedro.parameters import DiffusionParameters
from synthpath_kedro.training.seeding import Stream, seeded_generator

PER_CLASS = 4


class SampleGrid(Callback):
    """Samples a few images of every class from the same noise, every few epochs and after the last.

    Must come before the averaging callback, which takes the averaged weights away when validation ends.

    Attributes:
        samples: by epoch (from 1), uint8 [classes * PER_CLASS, H, W, 3], class by class.
    """

    def __init__(
        self, parameters: DiffusionParameters, n_classes: int, image_size: int, seed: int, encoder: Encoder = PIXELS
    ) -> None:
        self.samples: dict[int, np.ndarray] = {}
        self._parameters, self._n_classes, self._image_size, self._seed = parameters, n_classes, image_size, seed
        self._encoder = encoder

    def evaluations(self, parameterization: Parameterization) -> int:
        """Of the network by one grid, counted in images."""
        return self._n_classes * PER_CLASS * _quick_steps(parameterization)

    @override
    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        epoch = trainer.current_epoch + 1
        if epoch % self._parameters.sample_every == 0 or epoch == trainer.max_epochs:
            self.samples[epoch] = self.sample(pl_module)

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"samples": {epoch: torch.from_numpy(images) for epoch, images in self.samples.items()}}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.samples = {epoch: images.numpy() for epoch, images in state_dict["samples"].items()}

    def sample(self, module: pl.LightningModule) -> np.ndarray:
        """Images from the weights that ``module`` has now."""
        denoiser: Any = module.denoiser
        device = module.device
        labels = torch.arange(self._n_classes, device=device).repeat_interleave(PER_CLASS)
        channels, size = self._encoder.shape(self._image_size)
        shape = (len(labels), channels, size, size)
        generator = seeded_generator(self._seed, Stream.SAMPLES_BY_EPOCH)

        def noise() -> torch.Tensor:
            return torch.randn(shape, generator=generator).to(device)

        with torch.inference_mode():
            latents = quick_samples(denoiser, labels, noise, clip=self._encoder.bounded)
            return to_uint8(self._encoder.decode(latents))


def quick_samples(denoiser: Denoiser, labels: torch.Tensor, noise: Noise, clip: bool = True) -> torch.Tensor:
    """Images from few evaluations by the sampler that fails least on a denoiser that is not yet trained."""
    parameterization = denoiser.parameterization
    levels = parameterization.sampling_levels(_quick_steps(parameterization))
    if isinstance(parameterization, VariancePreserving):
        return ddpm(clipped(denoiser.denoise) if clip else denoiser.denoise, levels, labels, noise)
    return dpmpp_2m(denoiser.denoise, levels, labels, noise)


def _quick_steps(parameterization: Parameterization) -> int:
    """Of ``quick_samples``, each with one evaluation."""
    if isinstance(parameterization, VariancePreserving):
        return min(100, len(parameterization.alphas_cumprod))
    return 18

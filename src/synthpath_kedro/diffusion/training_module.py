"""One training step of the denoiser, and the validation that makes epochs comparable."""

from typing import Any

import lightning.pytorch as pl
import torch
from jaxtyping import Float
from torch import Tensor

from synthpath_kedro.diffusion.batches import Batch
from synthpath_kedro.diffusion.denoiser import Denoiser
from synthpath_kedro.diffusion.encoder import PIXELS, Encoder
from synthpath_kedro.parameters import DiffusionParameters
from synthpath_kedro.training.augmentation import random_dihedral
from synthpath_kedro.training.device import widest_float
from synthpath_kedro.training.seeding import Stream, mixed_seed, seeded_generator


class DenoiserTraining(pl.LightningModule):
    """Trains a denoiser with AdamW under OneCycleLR.

    Args:
        denoiser: the denoiser.
        parameters: settings of the training.
        total_steps: optimizer steps of all epochs; OneCycleLR ends there.
        seed: decides labels to drop, augmentation, noise levels and noise, each step's by itself.
        encoder: gives the space that the denoiser works in.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        parameters: DiffusionParameters,
        total_steps: int,
        seed: int,
        encoder: Encoder = PIXELS,
    ) -> None:
        super().__init__()
        self.denoiser, self.settings, self.total_steps, self.seed = denoiser, parameters, total_steps, seed
        # The method alone: an encoder that is a module would become part of what is averaged and saved.
        self._encode = encoder.encode

    def on_fit_start(self) -> None:
        """Compiles the network if asked to; after the averaging callback has copied it."""
        if self.settings.compile:
            self.denoiser.network.compile()

    def on_train_epoch_start(self) -> None:
        """Seeds dropout, whose generator Lightning does not restore on a resume."""
        torch.manual_seed(mixed_seed(self.seed, Stream.DENOISER_DROPOUT, self.current_epoch, self.global_rank))

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss on a batch."""
        x0, labels = batch
        generator = seeded_generator(
            self.seed, Stream.DENOISER_STEP, self.global_step, self.global_rank, device=self.device
        )
        if self.settings.augment:
            x0 = random_dihedral(x0, generator)
        drop = torch.rand(len(labels), generator=generator, device=self.device) < self.settings.class_dropout_prob
        labels = labels.masked_fill(drop, self.denoiser.null_label)
        loss = self._loss(x0, labels, generator)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(x0), sync_dist=True)
        return loss

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """The loss on the same noise and noise levels in every epoch."""
        x0, labels = batch
        generator = seeded_generator(self.seed, Stream.DENOISER_VALIDATION, batch_index, device=self.device)
        loss = self._loss(x0, labels, generator)
        self.log("val_loss", loss, batch_size=len(x0), sync_dist=True)

    def configure_optimizers(self) -> Any:
        """AdamW, and OneCycleLR over all epochs."""
        settings = self.settings
        # Lightning clips no fused optimizer's gradients in mixed precision.
        fused = settings.precision == "32-true"
        optimizer = torch.optim.AdamW(
            self.denoiser.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=fused
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, self.total_steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _loss(self, x0: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        with torch.no_grad():
            x0 = self._encode(x0)
        levels = self.denoiser.parameterization.training_levels(stratified(len(x0), generator))
        noise = torch.randn(x0.shape, generator=generator, device=x0.device, dtype=x0.dtype)
        return self.denoiser.loss(x0, noise, levels, labels)


def stratified(n: int, generator: torch.Generator) -> Float[Tensor, " n"]:
    """One number in each n-th of [0, 1), in random order: noise levels so spread make a batch's loss less noisy."""
    device = generator.device
    jitter = torch.rand(n, generator=generator, device=device, dtype=widest_float(device))
    return (torch.randperm(n, generator=generator, device=device) + jitter) / n

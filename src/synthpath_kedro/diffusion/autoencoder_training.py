"""Makes the study's autoencoder: trains a small one on the training images, or takes one that was trained elsewhere."""

import logging
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from jaxtyping import Float
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor, nn

from synthpath_kedro.data.artifact import Artifact, Card, package_versions
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.stratified import stratified_subset
from synthpath_kedro.diffusion.autoencoder import (
    CLASS,
    ENCODES,
    autoencoder_artifact,
    build_network,
    check_diffusers,
    latent_layout,
    small_autoencoder,
)
from synthpath_kedro.diffusion.autoencoder_weights import find_published
from synthpath_kedro.diffusion.batches import Batch, to_denoiser_range, training_batches, validation_batches
from synthpath_kedro.diffusion.encoder import encoded_shape
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import AutoencoderParameters, DiffusionParameters
from synthpath_kedro.training.augmentation import random_dihedral
from synthpath_kedro.training.device import choose_device
from synthpath_kedro.training.distributed import world_size
from synthpath_kedro.training.loggers import TrainingLog
from synthpath_kedro.training.progress import EpochHistory
from synthpath_kedro.training.seeding import Stream, mixed_seed, seeded_generator
from synthpath_kedro.training.trainer import make_trainer, resumable_checkpoint

log = logging.getLogger(__name__)

_SCALED_ON = 2048
"""Training images, at most, that the latents' mean and standard deviation are taken from."""
_SCALED_AT_ONCE = 16
_GRADIENT_CLIP = 1.0

Made = tuple[nn.Module, Card, Card]
"""A network, its configuration, and what is known of its weights."""


class AutoencoderTraining(pl.LightningModule):
    """Trains an ``AutoencoderKL`` with AdamW under OneCycleLR.

    The loss is the mean absolute error in [-1, 1] plus ``kl_weight`` times the mean over latents of the divergence
    from a standard normal (Rombach et al. 2022, appendix G, without its perceptual and adversarial parts, which need
    networks that were trained on other images).

    Args:
        network: diffusers' network.
        params: the block ``diffusion.autoencoder``.
        augment: flips and quarter turns.
        total_steps: optimizer steps of all epochs.
        seed: decides augmentation and noise, each step's by itself.
    """

    def __init__(
        self, network: nn.Module, params: AutoencoderParameters, augment: bool, total_steps: int, seed: int
    ) -> None:
        super().__init__()
        self.network: Any = network
        self.settings, self.augment, self.total_steps, self.seed = params, augment, total_steps, seed

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss on a batch, with latents drawn from their posterior."""
        images, _labels = batch
        generator = seeded_generator(
            self.seed, Stream.AUTOENCODER_STEP, self.global_step, self.global_rank, device=self.device
        )
        if self.augment:
            images = random_dihedral(images, generator)
        posterior = self.network.encode(images).latent_dist
        noise = torch.randn(posterior.mean.shape, generator=generator, device=self.device)
        decoded = self.network.decode(posterior.mean + posterior.std * noise).sample
        divergence = posterior.kl().mean() / posterior.mean[0].numel()
        loss = nn.functional.l1_loss(decoded, images) + self.settings.kl_weight * divergence
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(images), sync_dist=True)
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        """The mean absolute error of reconstructions."""
        images, _labels = batch
        decoded = self.network.decode(self.network.encode(images).latent_dist.mode()).sample
        loss = nn.functional.l1_loss(decoded, images)
        self.log("val_loss", loss, batch_size=len(images), sync_dist=True)

    def configure_optimizers(self) -> Any:
        """AdamW, and OneCycleLR over all epochs."""
        rate = self.settings.learning_rate
        optimizer = torch.optim.AdamW(self.network.parameters(), lr=rate, weight_decay=0.0)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, self.total_steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def make_autoencoder(
    train: LabeledImages,
    val: LabeledImages,
    params: DiffusionParameters,
    seed: int,
    scratch: Path,
    training_log: TrainingLog | None = None,
    existing: Iterable[Artifact] = (),
) -> Artifact:
    """The autoencoder that the block ``diffusion.autoencoder`` describes; a killed training resumes.

    Args:
        train: images to learn; the latents are scaled on them, whoever trained the network.
        val: images to validate on.
        params: the block ``diffusion``, in latent space.
        seed: the study's.
        scratch: folder of the checkpoint; the caller removes it when the result is safe.
        training_log: where its metrics are logged; decides nothing. None: nowhere.
        existing: autoencoders of earlier runs, of which one is returned where it has the same key.

    Returns:
        See ``autoencoder_artifact``; its card's ``history`` holds epoch, train_loss and val_loss of each epoch.

    Raises:
        InputError: the image size does not fit, diffusers is not installed, or weights cannot be had.
    """
    block = params.latent
    if block is None:
        raise ValueError("there is no autoencoder in pixel space")
    encoded_shape(params, train.image_size)
    check_diffusers()
    key: Card = {
        "parameters": block.model_dump(mode="json"),
        "augment": params.augment,
        "seed": seed,
        "train": train.digest,
        "val": val.digest,
        "number of processes": world_size(),
        "diffusers": version("diffusers"),
    }
    for found in existing:
        if found.card.get("key") == key:
            log.info("the autoencoder is up to date")
            return found
    with isolate_rng():
        network, config, facts = (
            _train(train, val, block, key, scratch, training_log) if block.trained else _take(block)
        )
        scale = _scale(network, config, train, seed)
    known = {"prepared": train.prepared, "phantom": train.phantom, "image_size": train.image_size}
    return autoencoder_artifact(network, config, scale, {**known, **facts, "key": key, "versions": package_versions()})


def _take(block: AutoencoderParameters) -> Made:
    published = find_published(block)
    return published.load(), published.config, {"weights": published.source, "revision": published.revision}


def _train(
    train: LabeledImages,
    val: LabeledImages,
    block: AutoencoderParameters,
    key: Card,
    scratch: Path,
    training_log: TrainingLog | None,
) -> Made:
    config, seed = small_autoencoder(block), key["seed"]
    torch.manual_seed(mixed_seed(seed, Stream.AUTOENCODER_WEIGHTS))
    network = build_network(config)
    resume = resumable_checkpoint(scratch, key)
    batches = training_batches(train, block.batch_size, seed, "diffusion.autoencoder.batch_size")
    history = EpochHistory("autoencoder", len(batches) * min(block.batch_size, len(train)))
    module = AutoencoderTraining(network, block, key["augment"], len(batches) * block.max_epochs, seed)
    trainer = make_trainer(
        scratch,
        block.max_epochs,
        callbacks=[history],
        gradient_clip=_GRADIENT_CLIP,
        loggers=() if training_log is None else training_log.callbacks("autoencoder", history, block),
        use_distributed_sampler=False,
        checkpoint_minutes=0.0 if training_log is None else training_log.checkpoint_minutes,
    )
    trainer.fit(module, batches, validation_batches(val, block.batch_size), ckpt_path=resume)
    losses = [{name: row[name] for name in ("epoch", "train_loss", "val_loss")} for row in history.rows]
    return network, config, {"weights": "trained on the training images", "history": losses}


@torch.inference_mode()
def _scale(
    network: nn.Module, config: Card, train: LabeledImages, seed: int
) -> tuple[Float[Tensor, " channels"], Float[Tensor, " channels"]]:
    """Mean and standard deviation of each channel of the latents of a stratified part of the training images."""
    device = choose_device()
    network, encode = network.eval().to(device), ENCODES[config[CLASS]]
    channels, _ = latent_layout(config)
    sums, squares, n = np.zeros(channels), np.zeros(channels), 0
    rows = stratified_subset(train.labels, _SCALED_ON, seed)
    for start in range(0, len(rows), _SCALED_AT_ONCE):
        images = to_denoiser_range(train.images[rows[start : start + _SCALED_AT_ONCE]]).to(device)
        latents = encode(network, images).cpu().double().numpy()
        sums += latents.sum(axis=(0, 2, 3))
        squares += (latents**2).sum(axis=(0, 2, 3))
        n += latents[:, 0].size
    mean = sums / n
    std = np.sqrt(np.maximum(squares / n - mean**2, 0))
    if not std.all():
        raise InputError(
            f"channel {int(np.argmin(std))} of the autoencoder's latents is the same for every image: "
            "set diffusion.autoencoder.latent_channels or kl_weight lower"
        )
    return torch.from_numpy(mean), torch.from_numpy(std)

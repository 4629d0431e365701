"""Trains the denoiser."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from lightning.pytorch.utilities.seed import isolate_rng

from synthpath_kedro.data.artifact import Artifact, Card
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.diffusion.batches import training_batches, validation_batches
from synthpath_kedro.diffusion.checkpoint import denoiser_artifact
from synthpath_kedro.diffusion.denoiser import Denoiser, make_denoiser
from synthpath_kedro.diffusion.ema import ExponentialMovingAverage
from synthpath_kedro.diffusion.encoder import PIXELS, Encoder
from synthpath_kedro.diffusion.sample_grid import SampleGrid
from synthpath_kedro.diffusion.training_module import DenoiserTraining
from synthpath_kedro.diffusion.unet import resolutions
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import DenoiserParameters, DiffusionParameters
from synthpath_kedro.training.distributed import world_size
from synthpath_kedro.training.loggers import TrainingLog
from synthpath_kedro.training.progress import EpochHistory
from synthpath_kedro.training.seeding import Stream, mixed_seed, replicate_seed
from synthpath_kedro.training.trainer import Patience, make_trainer, resumable_checkpoint

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainedDenoiser:
    """The result of training.

    Attributes:
        checkpoint: the averaged weights and where they came from.
        history: one row per epoch: epoch, train_loss, val_loss, learning_rate, seconds, images_per_second.
        samples: by epoch, uint8 [classes * k, H, W, 3] sampled with the averaged weights, class by class.
    """

    checkpoint: Artifact
    history: pd.DataFrame
    samples: dict[int, np.ndarray]


def train_denoiser(
    train: LabeledImages,
    val: LabeledImages,
    params: DiffusionParameters,
    seed: int,
    scratch: Path,
    training_log: TrainingLog | None = None,
    encoder: Encoder = PIXELS,
    replicate: int = 0,
) -> TrainedDenoiser:
    """Trains a class-conditional denoiser; a killed training resumes from its last checkpoint.

    The learning rate's schedule spans ``max_epochs``. A training that ``max_minutes`` or ``patience`` ends early stops
    before the rate has fallen, because a schedule that followed the clock could not be repeated.

    Args:
        train: images to learn; one label per image.
        val: images to validate on.
        params: the block ``diffusion``.
        seed: the study's; with ``replicate`` it decides weights, batch order, noise levels and noise.
        scratch: folder of the checkpoint, from which a finished training comes back at once; the caller removes it
            when the result is safe.
        training_log: where its metrics are logged and how often it saves a checkpoint; decides nothing. None: nowhere,
            after every epoch.
        encoder: gives the space that the denoiser works in.
        replicate: which of the study's denoisers this is, from 0.

    Raises:
        InputError: the set is multi-label, its image size does not fit the network, or the training diverges.
    """
    _require_one_label(train)
    _warn_without_attention(params.denoiser, train.image_size)
    with isolate_rng():
        own_seed = replicate_seed(seed, replicate)
        torch.manual_seed(mixed_seed(own_seed, Stream.DENOISER_WEIGHTS))
        denoiser = make_denoiser(params, train.n_classes, train.image_size, encoder)
        resume = resumable_checkpoint(scratch, _training_key(train, val, params, own_seed, encoder))
        return _fit(denoiser, train, val, params, seed, replicate, scratch, resume, training_log, encoder)


def _fit(
    denoiser: Denoiser,
    train: LabeledImages,
    val: LabeledImages,
    params: DiffusionParameters,
    seed: int,
    replicate: int,
    scratch: Path,
    resume: Path | None,
    training_log: TrainingLog | None,
    encoder: Encoder,
) -> TrainedDenoiser:
    own_seed, several = replicate_seed(seed, replicate), params.replicates > 1
    name = f"denoiser, replicate {replicate}" if several else "denoiser"
    path_of_log = f"denoiser/replicate_{replicate}" if several else "denoiser"
    batches = training_batches(train, params.batch_size, own_seed)
    module = DenoiserTraining(denoiser, params, len(batches) * params.max_epochs, own_seed, encoder)
    history = EpochHistory(name, len(batches) * min(params.batch_size, len(train)))
    samples = SampleGrid(params, train.n_classes, train.image_size, seed, encoder)
    average = ExponentialMovingAverage(params.ema_decay)
    patience = [] if params.patience is None else [Patience(params.patience)]
    trainer = make_trainer(
        scratch,
        params.max_epochs,
        params.precision,
        [history, samples, average, *patience],
        params.gradient_clip,
        params.max_minutes,
        loggers=() if training_log is None else training_log.callbacks(path_of_log, history, params),
        checkpoint_minutes=0.0 if training_log is None else training_log.checkpoint_minutes,
        use_distributed_sampler=False,
    )
    trainer.fit(module, batches, validation_batches(val, params.batch_size), ckpt_path=resume)
    epochs = len(history.table)
    if epochs < params.max_epochs:
        log.info("%s: stopped after %d of %d epochs", name, epochs, params.max_epochs)
    if epochs not in samples.samples:
        module.load_state_dict(average.average)  # a training that was already at its end has not done so
        samples.samples[epochs] = samples.sample(module.eval())  # Lightning leaves it in training mode
    card = _provenance(train, params, seed, epochs)
    return TrainedDenoiser(denoiser_artifact(average.average, params, card, encoder), history.table, samples.samples)


def _require_one_label(data: LabeledImages) -> None:
    if data.multi_label:
        raise InputError(
            f"{data.name} is multi-label and training takes one label per image: choose another data_prep.name; "
            "kedro run --pipeline=data_prep gives its class distribution"
        )


def _warn_without_attention(denoiser: DenoiserParameters, image_size: int) -> None:
    sizes = resolutions(denoiser, image_size)
    if denoiser.attention_resolutions and not set(sizes) & set(denoiser.attention_resolutions):
        log.warning(
            "no self-attention: diffusion.denoiser.attention_resolutions %s has none of the denoiser's resolutions %s",
            list(denoiser.attention_resolutions),
            sizes,
        )


def _training_key(
    train: LabeledImages, val: LabeledImages, params: DiffusionParameters, seed: int, encoder: Encoder
) -> Card:
    facts = {
        "encoder": encoder.card,
        "seed": seed,
        "train": train.digest,
        "val": val.digest,
        "number of processes": world_size(),
    }
    # How many others there are does not change this one.
    return {"parameters": params.model_dump(mode="json", exclude={"replicates"}), **facts}


def _provenance(train: LabeledImages, params: DiffusionParameters, seed: int, epochs: int) -> Card:
    return {
        "class_names": list(train.class_names),
        "image_size": train.image_size,
        "prepared": train.prepared,
        "data_digest": train.digest,
        "phantom": train.phantom,
        "seed": seed,
        "epochs": epochs,
        "images_seen": epochs * (len(train) // min(params.batch_size, len(train))) * min(params.batch_size, len(train)),
    }

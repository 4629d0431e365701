"""Trains the denoiser."""

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from lightning.pytorch.utilities.seed import isolate_rng
from torch.utils.data import DataLoader

from synthpath_kedro.data.artifact import Artifact, Card
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.diffusion.batches import to_denoiser_range, training_batches, validation_batches
from synthpath_kedro.diffusion.budget import epochs_between_validations, measure_pace, steps_in_budget
from synthpath_kedro.diffusion.checkpoint import denoiser_artifact
from synthpath_kedro.diffusion.denoiser import Denoiser, make_denoiser
from synthpath_kedro.diffusion.ema import ExponentialMovingAverage
from synthpath_kedro.diffusion.encoder import PIXELS, Encoder
from synthpath_kedro.diffusion.latents import StoredLatents
from synthpath_kedro.diffusion.sample_grid import SampleGrid
from synthpath_kedro.diffusion.start import read_start
from synthpath_kedro.diffusion.training_module import DenoiserTraining
from synthpath_kedro.diffusion.unet import resolutions
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import DenoiserParameters, DiffusionParameters
from synthpath_kedro.training.augmentation import POSITIONS, dihedral
from synthpath_kedro.training.distributed import world_size
from synthpath_kedro.training.loggers import TrainingLog
from synthpath_kedro.training.progress import EpochHistory
from synthpath_kedro.training.seeding import Stream, mixed_seed, replicate_seed
from synthpath_kedro.training.trainer import Patience, make_trainer, resumable_checkpoint

log = logging.getLogger(__name__)

_TEXTURE_IMAGES = 256
"""Of a class: enough for its textures, however many there are."""


@dataclass(frozen=True)
class TrainedDenoiser:
    """The result of training.

    Attributes:
        checkpoint: the averaged weights and where they came from.
        history: one row per epoch: epoch, train_loss, val_loss (nan without validation), learning_rate, seconds,
            images_per_second.
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
    latents: StoredLatents | None = None,
    batches: DataLoader | None = None,
) -> TrainedDenoiser:
    """Trains a class-conditional denoiser; a killed training resumes from its last checkpoint.

    The learning rate's schedule spans the whole training, whose length is known before its first step: a budget of
    ``max_minutes`` is turned into a number of steps. One that ``patience`` ends early stops before the rate has fallen.

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
        latents: of both sets, as ``encoder`` gives them, stored; None: each batch is encoded.
        batches: an epoch of full batches, which ``train`` is a sample of. None: all of ``train``, shuffled.

    Raises:
        InputError: the set is multi-label, its image size does not fit the network, the denoiser to start from does
            not fit, or the training diverges.
    """
    _require_one_label(train)
    _warn_without_attention(params.denoiser, encoder.shape(train.image_size)[1])
    task = _Task(train, val, params, seed, replicate, encoder, latents)
    with isolate_rng():
        torch.manual_seed(mixed_seed(task.own_seed, Stream.DENOISER_WEIGHTS))
        denoiser = make_denoiser(params, train.n_classes, train.image_size, encoder)
        start = _start_from(denoiser, train, params, encoder, replicate)
        resume = resumable_checkpoint(scratch, task.key | start)
        if denoiser.textures is not None and resume is None:
            denoiser.textures.fit(task.examples(), task.own_seed)
        of_train = None if latents is None else latents.train
        batches = batches or training_batches(train, params.batch_size, task.own_seed, latents=of_train)
        return _fit(denoiser, task, batches, scratch, resume, training_log, start)


@dataclass(frozen=True)
class _Task:
    """What decides a training."""

    train: LabeledImages
    val: LabeledImages
    params: DiffusionParameters
    seed: int
    replicate: int
    encoder: Encoder
    latents: StoredLatents | None

    @property
    def own_seed(self) -> int:
        return replicate_seed(self.seed, self.replicate)

    @property
    def key(self) -> Card:
        """Of its checkpoints."""
        # How many others there are does not change this one, and of the autoencoder only what it makes.
        parameters = self.params.model_dump(mode="json", exclude={"replicates", "autoencoder"})
        return {
            "parameters": parameters,
            "encoder": self.encoder.card,
            "seed": self.own_seed,
            "train": self.train.digest,
            "val": self.val.digest,
            "number of processes": world_size(),
        }

    def module(self, denoiser: Denoiser, total_steps: int) -> DenoiserTraining:
        if self.latents is None:
            return DenoiserTraining(denoiser, self.params, total_steps, self.own_seed, self.encoder)
        encoded = self.params.model_copy(update={"augment": False})  # stored latents are turned already
        return DenoiserTraining(denoiser, encoded, total_steps, self.own_seed, PIXELS)

    def examples(self) -> list[torch.Tensor]:
        """Images of each class that its textures are found from, and of all classes together."""
        generator = np.random.default_rng((self.own_seed, Stream.DENOISER_TEXTURES))
        groups = [np.flatnonzero(self.train.labels == label) for label in range(self.train.n_classes)]
        chosen = (generator.permutation(rows)[:_TEXTURE_IMAGES] for rows in (*groups, np.arange(len(self.train))))
        return [self._encoded(np.sort(rows)) for rows in chosen]

    def _encoded(self, rows: np.ndarray) -> torch.Tensor:
        """As the denoiser sees them, in every position that it sees."""
        if self.latents is not None:
            return torch.from_numpy(self.latents.train[rows].astype(np.float32)).flatten(0, 1)
        images = to_denoiser_range(self.train.images[rows])
        if self.params.augment:
            images = torch.cat([dihedral(images, torch.full((len(rows),), position)) for position in range(POSITIONS)])
        return self.encoder.encode(images)

    def provenance(self, epochs: int, planned_steps: int) -> Card:
        train, batch_size = self.train, min(self.params.batch_size, len(self.train))
        return {
            "class_names": list(train.class_names),
            "image_size": train.image_size,
            "prepared": train.prepared,
            "data": train.name,
            "data_digest": train.digest,
            "phantom": train.phantom,
            "seed": self.seed,
            "planned_steps": planned_steps,
            "epochs": epochs,
            "images_seen": epochs * (len(train) // batch_size) * batch_size,
        }


def _start_from(
    denoiser: Denoiser, train: LabeledImages, params: DiffusionParameters, encoder: Encoder, replicate: int
) -> Card:
    """Gives ``denoiser`` the weights that ``params`` name; returns what is to be recorded of them."""
    start = read_start(params, encoder)
    if start is None:
        return {}
    start.check_data(phantom=train.phantom, allowed=params.allow_phantom_start)
    start.apply_to(denoiser, train.class_names, replicate)
    return {"start": start.card}


def _fit(
    denoiser: Denoiser,
    task: _Task,
    batches: DataLoader,
    scratch: Path,
    resume: Path | None,
    training_log: TrainingLog | None,
    start: Card,
) -> TrainedDenoiser:
    params, several = task.params, task.params.replicates > 1
    name = f"denoiser, replicate {task.replicate}" if several else "denoiser"
    path_of_log = f"denoiser/replicate_{task.replicate}" if several else "denoiser"
    validation = validation_batches(task.val, params.batch_size, None if task.latents is None else task.latents.val)
    module = task.module(denoiser, len(batches) * params.epochs(len(batches)))
    history = EpochHistory(name, len(batches) * min(params.batch_size, len(task.train)))
    samples = SampleGrid(params, task.train.n_classes, task.train.image_size, task.seed, task.encoder)
    if params.budget_minutes:
        evaluations = samples.evaluations(denoiser.parameterization)
        measure = partial(measure_pace, module, params, batches, validation, scratch)
        module.total_steps = steps_in_budget(params.budget_minutes, params, measure, len(batches), evaluations, scratch)
    planned = module.total_steps // len(batches)
    average = ExponentialMovingAverage(params.ema_decay)
    patience = [] if params.patience is None else [Patience(params.patience)]
    trainer = make_trainer(
        scratch,
        planned,
        params.precision,
        [history, samples, average, *patience],
        params.gradient_clip,
        loggers=() if training_log is None else training_log.callbacks(path_of_log, history, params),
        checkpoint_minutes=0.0 if training_log is None else training_log.checkpoint_minutes,
        use_distributed_sampler=False,
        check_val_every_n_epoch=epochs_between_validations(params, planned),
    )
    trainer.fit(module, batches, validation, ckpt_path=resume)
    epochs = len(history.table)
    if epochs < planned:
        log.info("%s: stopped after %d of %d epochs", name, epochs, planned)
    if epochs not in samples.samples:
        module.load_state_dict(average.average)  # a training that was already at its end has not done so
        samples.samples[epochs] = samples.sample(module.eval())  # Lightning leaves it in training mode
    checkpoint = denoiser_artifact(
        average.average, params, task.provenance(epochs, module.total_steps) | start, task.encoder
    )
    return TrainedDenoiser(checkpoint, history.table, samples.samples)


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

"""Trains a study's denoisers, which differ in nothing but their random numbers."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.diffusion.checkpoint import join_replicates
from synthpath_kedro.diffusion.encoder import PIXELS, Encoder
from synthpath_kedro.diffusion.latents import StoredLatents
from synthpath_kedro.diffusion.training import TrainedDenoiser, train_denoiser
from synthpath_kedro.parameters import DiffusionParameters
from synthpath_kedro.training.loggers import TrainingLog


@dataclass(frozen=True)
class TrainedReplicates:
    """The result of training every replicate.

    Attributes:
        checkpoint: all of them, as ``split_replicates`` reads it.
        history: replicate, and the columns of ``TrainedDenoiser.history``; one row per epoch of a replicate.
        samples: of each replicate by epoch, uint8 [classes * k, H, W, 3]; all from the same noise.
    """

    checkpoint: Artifact
    history: pd.DataFrame
    samples: list[dict[int, np.ndarray]]


def train_replicates(
    train: LabeledImages,
    val: LabeledImages,
    params: DiffusionParameters,
    seed: int,
    scratch: Path,
    training_log: TrainingLog | None = None,
    encoder: Encoder = PIXELS,
    latents: StoredLatents | None = None,
) -> TrainedReplicates:
    """Trains ``params.replicates`` denoisers, one after the other; goes on where a killed run left off.

    A replicate that was finished comes back from its checkpoint. The first is what it would be without the others.

    Args:
        train: images to learn.
        val: images to validate on.
        params: the block ``diffusion``.
        seed: the study's.
        scratch: folder of the checkpoints; the caller removes it when the result is safe.
        training_log: where metrics are logged; decides nothing. None: nowhere.
        encoder: gives the space that the denoisers work in.
        latents: of both sets, stored; None: each batch is encoded.
    """
    trained: list[TrainedDenoiser] = []
    for k in range(params.replicates):
        folder = scratch / f"replicate_{k}"
        trained.append(train_denoiser(train, val, params, seed, folder, training_log, encoder, k, latents))
        # All are trained alike: a budget in minutes is turned into steps once.
        params = params.model_copy(update={"max_steps": trained[0].checkpoint.card["planned_steps"]})
    histories = [one.history.assign(replicate=k) for k, one in enumerate(trained)]
    history = pd.concat(histories, ignore_index=True)
    return TrainedReplicates(
        join_replicates([one.checkpoint for one in trained]),
        history[["replicate", *trained[0].history.columns]],
        [one.samples for one in trained],
    )


def samples_artifact(trained: TrainedReplicates) -> Artifact:
    """The samples at rest, as "replicate_<k>.<epoch>"."""
    tensors = {
        f"replicate_{k}.{epoch}": images
        for k, by_epoch in enumerate(trained.samples)
        for epoch, images in by_epoch.items()
    }
    return Artifact(tensors, trained.checkpoint.card)


def read_samples(samples: Artifact) -> list[dict[int, np.ndarray]]:
    """The inverse of ``samples_artifact``; names without a replicate, as older versions have them, are of the first."""
    found: dict[int, dict[int, np.ndarray]] = {}
    for name, images in samples.tensors.items():
        replicate, _, epoch = name.removeprefix("replicate_").rpartition(".")
        found.setdefault(int(replicate or 0), {})[int(epoch)] = images
    return [found[replicate] for replicate in sorted(found)]

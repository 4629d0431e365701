import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from synthpath_kedro.data.artifact import Artifact, Card
from synthpath_kedro.data.data_card import DataCard
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.lineage import check_same_data, source_note
from synthpath_kedro.parameters import DiffusionParameters, SynthesisParameters, TrainingParameters
from synthpath_kedro.pipelines.shared import folder_of

logger = logging.getLogger(__name__)

NAMESPACE = "diffusion"
OF_AUTOENCODER, OF_LATENTS = "diffusion.autoencoder", "diffusion.latents"
"""Namespaces of their own: when a node ends, the unfinished work of its namespace goes."""
CPU_WARNING_SECONDS = 6 * 3600


def estimate_generator_cost(data_card: DataCard, params: DiffusionParameters, synthesis: SynthesisParameters) -> Card:
    """What the denoiser and its synthetic images will cost, logged before the training begins."""
    from synthpath_kedro.diffusion.cost import estimate_cost

    cost = estimate_cost(params, synthesis, data_card.splits["train"].n, data_card.image_size)
    logger.info(cost.describe())
    if cost.device == "CPU" and cost.seconds > CPU_WARNING_SECONDS:
        logger.warning("This is a study for a GPU; the same study in minutes: kedro run --env=demo")
    return {"training_flops": cost.training_flops, "synthesis_flops": cost.synthesis_flops}


def make_autoencoder(
    real_train: LabeledImages,
    real_val: LabeledImages,
    params: DiffusionParameters,
    training: TrainingParameters,
    seed: int,
    scratch: Path,
    logs: Path,
    existing: dict[str, Artifact],
    study_check: Card,
    generator_cost: Card,
) -> Artifact:
    """Trains the autoencoder or takes one that was trained elsewhere; an earlier run's where it is the same."""
    from synthpath_kedro.diffusion.autoencoder_training import make_autoencoder as make
    from synthpath_kedro.training.loggers import TrainingLog

    del study_check, generator_cost
    check_same_data({"real_train": real_train.card, "real_val": real_val.card})
    log, folder = TrainingLog.of(training, logs), folder_of(OF_AUTOENCODER, scratch)
    return make(real_train, real_val, params, seed, folder, log, existing.values())


def encode_images(
    images: LabeledImages,
    autoencoder: Artifact,
    params: DiffusionParameters,
    scratch: Path,
    existing: dict[str, Artifact],
    *,
    name: str,
) -> Artifact:
    """The latents of the images ``name``, once and for all; of training images in all the positions they are shown."""
    from synthpath_kedro.diffusion.autoencoder import load_encoder
    from synthpath_kedro.diffusion.latents import encode_images as encode

    check_same_data({name: images.card, "autoencoder": autoencoder.card})
    augment = params.augment and name == "real_train"
    path = folder_of(f"{OF_LATENTS}.{name}", scratch) / f"{name}.safetensors"
    return encode(images, load_encoder(autoencoder), augment, path, existing.get(f"{name}.safetensors"))


def reconstruct_images(real_test: LabeledImages, autoencoder: Artifact) -> LabeledImages:
    """The real test images as the autoencoder gives them back: what it costs a classifier is measured on them."""
    from synthpath_kedro.diffusion.autoencoder import load_encoder
    from synthpath_kedro.diffusion.latents import psnr, reconstruct

    check_same_data({"real_test": real_test.card, "autoencoder": autoencoder.card})
    images = reconstruct(load_encoder(autoencoder), real_test.images)
    decibels = psnr(real_test.images, images)
    facts = {"autoencoder": autoencoder.card["digest"], "psnr": float(decibels[decibels < np.inf].mean())}
    card = {key: value for key, value in real_test.card.items() if key != "digest"} | facts
    return replace(real_test, images=images, card=card)


def draw_reconstruction(real_test: LabeledImages, reconstructed_test: LabeledImages, seed: int) -> Figure:
    from synthpath_kedro.report.figures.reconstruction import reconstruction

    check_same_data({"real_test": real_test.card, "reconstructed_test": reconstructed_test.card})
    return reconstruction(real_test, reconstructed_test, seed=seed, note=source_note(phantom=real_test.phantom))


def train_denoiser(
    real_train: LabeledImages,
    real_val: LabeledImages,
    params: DiffusionParameters,
    training: TrainingParameters,
    seed: int,
    scratch: Path,
    logs: Path,
    study_check: Card,
    generator_cost: Card,
    autoencoder: Artifact | None = None,
    latents_real_train: Artifact | None = None,
    latents_real_val: Artifact | None = None,
) -> tuple[Artifact, pd.DataFrame, Artifact]:
    """Trains every denoiser: their EMA weights, histories, and samples by epoch (uint8 [n, H, W, 3])."""
    from synthpath_kedro.diffusion.autoencoder import load_encoder
    from synthpath_kedro.diffusion.latents import stored_latents
    from synthpath_kedro.diffusion.replicates import samples_artifact, train_replicates
    from synthpath_kedro.training.loggers import TrainingLog

    del study_check, generator_cost
    log = TrainingLog.of(training, logs)
    check_same_data({"real_train": real_train.card, "real_val": real_val.card})
    latents = stored_latents(autoencoder, latents_real_train, latents_real_val)
    trained = train_replicates(
        real_train, real_val, params, seed, scratch / NAMESPACE, log, load_encoder(autoencoder), latents
    )
    return trained.checkpoint, trained.history, samples_artifact(trained)


def draw_denoiser_loss(history: pd.DataFrame, card: DataCard) -> Figure:
    from synthpath_kedro.report.figures.denoiser_loss import denoiser_loss

    return denoiser_loss(history, note=source_note(phantom=card.phantom))


def draw_denoiser_samples(samples: Artifact, card: DataCard) -> Figure:
    from synthpath_kedro.diffusion.replicates import read_samples
    from synthpath_kedro.report.figures.denoiser_samples import denoiser_samples

    first, *others = read_samples(samples)
    finished = {f"replicate {k}": by_epoch[max(by_epoch)] for k, by_epoch in enumerate(others, start=1)}
    return denoiser_samples(first, tuple(card.class_names), finished, note=source_note(phantom=card.phantom))

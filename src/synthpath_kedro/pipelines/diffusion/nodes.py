import logging
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from synthpath_kedro.data.artifact import Artifact, Card
from synthpath_kedro.data.data_card import DataCard
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.lineage import check_same_data, source_note
from synthpath_kedro.parameters import DiffusionParameters, SynthesisParameters, TrainingParameters

logger = logging.getLogger(__name__)

NAMESPACE = "diffusion"
CPU_WARNING_SECONDS = 6 * 3600


def estimate_generator_cost(data_card: DataCard, params: DiffusionParameters, synthesis: SynthesisParameters) -> Card:
    """What the denoiser and its synthetic images will cost, logged before the training begins."""
    from synthpath_kedro.diffusion.cost import estimate_cost

    cost = estimate_cost(params, synthesis, data_card.splits["train"].n, data_card.image_size)
    logger.info(cost.describe())
    if cost.device == "CPU" and cost.seconds > CPU_WARNING_SECONDS:
        logger.warning("This is a study for a GPU; the same study in minutes: kedro run --env=demo")
    return {"training_flops": cost.training_flops, "synthesis_flops": cost.synthesis_flops}


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
) -> tuple[Artifact, pd.DataFrame, Artifact]:
    """Trains every denoiser: their EMA weights, histories, and samples by epoch (uint8 [n, H, W, 3])."""
    from synthpath_kedro.diffusion.replicates import samples_artifact, train_replicates
    from synthpath_kedro.training.loggers import TrainingLog

    del study_check, generator_cost
    log = TrainingLog(training.logger, logs, training.checkpoint_minutes)
    check_same_data({"real_train": real_train.card, "real_val": real_val.card})
    trained = train_replicates(real_train, real_val, params, seed, scratch / NAMESPACE, log)
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

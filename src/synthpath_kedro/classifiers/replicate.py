"""Trains one replicate of a cell: one seed."""

import logging
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from synthpath_kedro.classifiers.batches import EpochBatches, InOrder, Source
from synthpath_kedro.classifiers.best_weights import BestWeights
from synthpath_kedro.classifiers.checkpoint import Replicate
from synthpath_kedro.classifiers.lightning_module import ClassifierTraining
from synthpath_kedro.classifiers.registry import build_classifier
from synthpath_kedro.classifiers.schedule import Schedule
from synthpath_kedro.data.artifact import Card, read_artifact, write_artifact
from synthpath_kedro.data.regimes import images_per_epoch, regime_batches
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import ClassificationParameters
from synthpath_kedro.study.regimes import REGIMES
from synthpath_kedro.training.device import placed
from synthpath_kedro.training.loggers import TrainingLog
from synthpath_kedro.training.progress import EpochHistory
from synthpath_kedro.training.seeding import mixed_seed
from synthpath_kedro.training.trainer import Patience, make_trainer, remove_scratch, resumable_checkpoint

log = logging.getLogger(__name__)

METRICS = ("train_loss", "val_loss", "val_accuracy")


@dataclass(frozen=True)
class Cell:
    """What every replicate of a cell shares.

    Attributes:
        model: a name in ``params.backbones``.
        regime: one of ``REGIMES``.
        params: the block ``classification``.
        seed: the study's seed.
        class_names: one name per class, in label order.
        real_train: real training images or their cached features.
        real_val: real validation images or their cached features.
        synthetic: synthetic images or their cached features; None where the regime needs none.
        class_weights: float [classes] weights of the training loss, or None.
        validation_weights: float [classes] weights of the validation loss, the same in every regime, or None.
        key: plain JSON that decides the weights.
        training_log: where metrics are logged, or None.
    """

    model: str
    regime: str
    params: ClassificationParameters
    seed: int
    class_names: tuple[str, ...]
    real_train: Source
    real_val: Source
    synthetic: Source | None
    class_weights: Tensor | None
    validation_weights: Tensor | None
    key: Card
    training_log: TrainingLog | None = None

    def name(self, replicate: int) -> str:
        """The replicate in words, for the log."""
        return f"{self.model} under {self.regime}, replicate {replicate}"


def train_replicate(cell: Cell, replicate: int, scratch: Path) -> Replicate:
    """Trains one replicate; goes on where a killed run left off, and does not train again what it had finished.

    Args:
        cell: what is trained, and on what.
        replicate: from 0; decides the head's first weights and the order of the images.
        scratch: the cell's folder of working files.

    Raises:
        InputError: the validation loss was finite in no epoch.
    """
    finished = scratch / f"replicate_{replicate}.safetensors"
    if finished.exists() and (artifact := read_artifact(finished)).card["key"] == cell.key:
        log.info("Resuming from %s: %s is finished", finished, cell.name(replicate))
        return Replicate.from_artifact(artifact)
    trained = _fit(cell, replicate, scratch / f"replicate_{replicate}")
    write_artifact(finished, trained.to_artifact(cell.key))
    remove_scratch(scratch / f"replicate_{replicate}")
    return trained


def _fit(cell: Cell, replicate: int, scratch: Path) -> Replicate:
    params, backbone, regime = cell.params, cell.params.backbone(cell.model), REGIMES[cell.regime]
    n_real = len(cell.real_train)
    schedule = Schedule.of(params, cell.model, n_real)
    seed = mixed_seed(cell.seed, replicate)
    module = ClassifierTraining(
        placed(build_classifier(cell.model, cell.class_names, params, cell.seed, replicate)),
        params,
        backbone.learning_rate,
        schedule.milestones,
        cell.class_weights,
        cell.validation_weights,
        batches=partial(_epoch_batches, cell, seed),
        validation=InOrder(cell.real_val, backbone.batch_size),
        seed=seed,
        augment=regime.augment,
    )
    best = BestWeights()
    history = EpochHistory(cell.name(replicate), images_per_epoch(regime, n_real, params.mixing_ratio), METRICS)
    trainer = make_trainer(
        scratch,
        schedule.epochs,
        params.precision,
        callbacks=[best, Patience(schedule.patience), history],
        loggers=_loggers(cell, replicate, history),
        checkpoint_minutes=0.0 if cell.training_log is None else cell.training_log.checkpoint_minutes,
        reload_dataloaders_every_n_epochs=1,
    )
    checkpoint = resumable_checkpoint(scratch, {**cell.key, "replicate": replicate})
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
        trainer.fit(module, ckpt_path=checkpoint)
    if not math.isfinite(best.val_loss):
        raise InputError(
            f"{cell.name(replicate)}: the validation loss is not a number; "
            f"lower classification.backbones.{cell.model}.learning_rate ({backbone.learning_rate:g})"
        )
    card = {"replicate": replicate, "best_epoch": best.epoch, "val_loss": best.val_loss}
    return Replicate(best.state, card, history.table)


def _loggers(cell: Cell, replicate: int, history: EpochHistory) -> Sequence[Callback]:
    if cell.training_log is None:
        return ()
    what = "/".join(
        ["classifiers", cell.model, cell.regime, *filter(None, [cell.key.get("set")]), f"replicate_{replicate}"]
    )
    return cell.training_log.callbacks(what, history, cell.params)


def _epoch_batches(cell: Cell, seed: int, epoch: int) -> EpochBatches:
    batches = regime_batches(
        REGIMES[cell.regime],
        len(cell.real_train),
        0 if cell.synthetic is None else len(cell.synthetic),
        cell.params.backbone(cell.model).batch_size,
        cell.params.mixing_ratio,
        seed,
        epoch,
        cell.real_train.chosen_labels,
    )
    return EpochBatches(cell.real_train, cell.synthetic, batches)

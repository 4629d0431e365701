"""Lightning's Trainer, set up the same way for every training loop, and what it needs to resume after a kill."""

import copy
import json
import logging
import shutil
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from typing_extensions import override

from synthpath_kedro.data.artifact import AtomicFile, Card
from synthpath_kedro.errors import InputError
from synthpath_kedro.training.checkpoint_io import SafetensorsCheckpointIO, is_intact
from synthpath_kedro.training.distributed import devices, rank, wait_for_all

log = logging.getLogger(__name__)

Precision = Literal["32-true", "16-mixed", "bf16-mixed"]

_KEY, _LAST = "key.json", "last.ckpt"
_IGNORED_WARNINGS = (
    r".*does not have many workers.*",
    r".*You have set .* Tensor Cores.*",
    r".*The number of training batches .* is smaller than the logging interval.*",
    r".*Checkpoint directory .* exists and is not empty.*",
    r".*CUDA is not available.*",
    r".*deterministic.*warn_only.*",
    r".*callbacks used to create the checkpoint need to be provided.*",  # a log that is off now
    r".*isinstance\(treespec, LeafSpec\).*",
)


class Patience(EarlyStopping):
    """Stops after ``patience`` epochs without a lower validation loss, also when resumed at exactly that point."""

    def __init__(self, patience: int) -> None:
        super().__init__(monitor="val_loss", patience=patience, mode="min")

    @override
    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # Lightning does not save that it was about to stop: a resumed run would train an epoch too many.
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience


class EpochCheckpoint(ModelCheckpoint):
    """Saves a checkpoint at the end of an epoch: the first one after ``minutes`` without, and that of the training.

    The last epoch stays in memory until then, and is saved where something stops the training.

    Never within an epoch, as Lightning's ``train_time_interval`` does: the epoch's batches would be seen again.
    """

    def __init__(self, scratch: Path, minutes: float) -> None:
        super().__init__(
            dirpath=scratch, filename=Path(_LAST).stem, enable_version_counter=False, save_on_train_epoch_end=True
        )
        self._interval = 60 * minutes
        self._saved_at = 0.0
        self._unsaved: dict[str, Any] | None = None

    @override
    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self._saved_at = time.monotonic()

    @override
    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # Every process takes part in saving, so all of them go by the clock of the first.
        if trainer.strategy.broadcast(_ends(trainer) or time.monotonic() - self._saved_at >= self._interval):
            super().on_train_epoch_end(trainer, pl_module)
            self._saved_at, self._unsaved = time.monotonic(), None
        else:
            self._unsaved = copy.deepcopy(trainer._checkpoint_connector.dump_checkpoint())

    @override
    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        if self._unsaved is not None:
            trainer.strategy.save_checkpoint(self._unsaved, Path(self.dirpath or "") / _LAST)


def _ends(trainer: pl.Trainer) -> bool:
    """Whether the epoch that has just ended is the last."""
    limits = ((trainer.current_epoch + 1, trainer.max_epochs), (trainer.global_step, trainer.max_steps))
    return trainer.should_stop or any(reached == limit for reached, limit in limits)


def make_trainer(
    scratch: Path,
    max_epochs: int,
    precision: Precision = "32-true",
    callbacks: Sequence[Callback] = (),
    gradient_clip: float | None = None,
    loggers: Sequence[Callback] = (),
    checkpoint_minutes: float = 0.0,
    **settings: Any,
) -> pl.Trainer:
    """A Trainer that saves checkpoints at the end of epochs and prints nothing but a progress bar on a terminal.

    Args:
        scratch: folder for the checkpoint; see ``resumable_checkpoint``.
        max_epochs: epochs to train.
        precision: Lightning's name of the arithmetic.
        callbacks: more callbacks; they run before the checkpoint is written, their state is in it.
        gradient_clip: largest norm of the gradient.
        loggers: from ``TrainingLog.callbacks``; they run after ``callbacks`` and do not change what is trained.
        checkpoint_minutes: least time between two checkpoints; 0: one after every epoch.
        settings: anything else that Lightning's Trainer takes.

    Raises:
        InputError: ``precision`` is not for this machine.
    """
    if precision == "16-mixed" and not torch.cuda.is_available():
        raise InputError("precision is 16-mixed, which needs a GPU: use bf16-mixed or 32-true")
    _silence_lightning()
    return pl.Trainer(
        default_root_dir=scratch,
        max_epochs=max_epochs,
        precision=precision,
        callbacks=[*callbacks, *loggers, EpochCheckpoint(scratch, checkpoint_minutes)],
        gradient_clip_val=gradient_clip,
        plugins=[SafetensorsCheckpointIO()],
        # A CPU is deterministic without it; a GPU lacks a deterministic kernel for some layers, and would refuse them.
        deterministic="warn" if torch.cuda.is_available() else False,
        logger=False,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_progress_bar=sys.stderr.isatty(),
        **{"accelerator": "auto", **devices(), **settings},
    )


def resumable_checkpoint(scratch: Path, key: Card) -> Path | None:
    """The checkpoint in ``scratch`` if it belongs to the same training, else None and an empty ``scratch``.

    Args:
        scratch: folder of a training's working files; made if missing.
        key: plain JSON that decides the training: parameters, seed, digests of the data.
    """
    if rank() == 0:
        _prepare(scratch, _plain(key))
    wait_for_all()
    return scratch / _LAST if (scratch / _LAST).exists() else None


def _prepare(scratch: Path, key: Card) -> None:
    """Empties ``scratch`` unless it holds a checkpoint of the same training."""
    recorded, last = _read_key(scratch / _KEY), scratch / _LAST
    if recorded == key and is_intact(last):
        log.info("Resuming from the last epoch saved in %s", scratch)
        return
    if recorded == key and not last.exists():
        return  # killed in its first epoch
    if recorded is not None and recorded != key:
        log.info("starting afresh: %s holds a training with other %s", scratch, _differences(recorded, key))
    elif last.exists():
        log.warning("starting afresh: the checkpoint in %s is damaged", scratch)
    shutil.rmtree(scratch, ignore_errors=True)
    with AtomicFile(scratch / _KEY) as file:
        file.write(json.dumps(key, sort_keys=True).encode())


def remove_scratch(scratch: Path) -> None:
    """Removes a training's working files; for after its result is in hand."""
    wait_for_all()
    shutil.rmtree(scratch, ignore_errors=True)


def _read_key(path: Path) -> Card | None:
    try:
        recorded = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return recorded if isinstance(recorded, dict) else None


def _plain(key: Card) -> Card:
    return json.loads(json.dumps(key))


def _differences(recorded: Card, key: Card) -> str:
    names = sorted(name for name in recorded.keys() | key.keys() if recorded.get(name) != key.get(name))
    return ", ".join(names)


def _silence_lightning() -> None:
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in _IGNORED_WARNINGS:
        warnings.filterwarnings("ignore", message=message)

"""Turns a budget of minutes into a number of steps before the first one, so that the training can be repeated."""

import copy
import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities.seed import isolate_rng
from torch.utils.data import DataLoader
from typing_extensions import override

from synthpath_kedro.data.artifact import AtomicFile
from synthpath_kedro.diffusion.ema import ExponentialMovingAverage
from synthpath_kedro.diffusion.training_module import DenoiserTraining
from synthpath_kedro.parameters import DiffusionParameters
from synthpath_kedro.training.distributed import rank, wait_for_all
from synthpath_kedro.training.timing import now
from synthpath_kedro.training.trainer import make_trainer

log = logging.getLogger(__name__)

_RECORD, _PROBE = "budget.json", "probe"
_LEAST_STEPS = 5
_PROBE_SECONDS = 20.0
_PROBE_SHARE = 0.05
_UNREACHED = 10**6
_VALIDATIONS = 50


@dataclass(frozen=True)
class Pace:
    """How long the parts of a training take on this machine, in seconds.

    Attributes:
        step: one optimizer step, loading included.
        epoch_end: validation and checkpoint.
        evaluation: one image through the network, without gradient.
        once: what was spent to find out, and what the first step takes longer than the others.
    """

    step: float
    epoch_end: float
    evaluation: float
    once: float

    def epochs_within(self, seconds: float, steps_per_epoch: int, params: DiffusionParameters, evaluations: int) -> int:
        """Whole epochs that fit, 1 at least.

        Args:
            seconds: of the training.
            steps_per_epoch: optimizer steps.
            params: the block ``diffusion``.
            evaluations: of the network by one sample grid, counted in images; the last epoch has one too.
        """
        grid = evaluations * self.evaluation
        epoch = steps_per_epoch * self.step + grid / params.sample_every
        left = max(0.0, seconds - self.once - grid)
        every = epochs_between_validations(params, int(left / (epoch + self.epoch_end)))
        return max(1, int(left / (epoch + self.epoch_end / every)))


def epochs_between_validations(params: DiffusionParameters, epochs: int) -> int:
    """So many that a small set's training validates some fifty times, not after every few steps.

    They divide ``params.sample_every``: sample grids come with validation, which has the averaged weights in place.
    """
    wanted = 1 if params.patience else max(1, epochs // _VALIDATIONS)
    return max(n for n in range(1, wanted + 1) if params.sample_every % n == 0)


def steps_in_budget(
    minutes: float,
    params: DiffusionParameters,
    measure: Callable[[float], Pace],
    steps_per_epoch: int,
    evaluations: int,
    scratch: Path,
) -> int:
    """Optimizer steps of the whole epochs that fit into ``minutes``, at most those of ``params.max_epochs``.

    The number is found once, by the first process, and written to ``scratch`` before it is used.

    Args:
        minutes: of training, validation and sample grids.
        params: the block ``diffusion``.
        measure: gives the pace within about so many seconds; called by every process.
        steps_per_epoch: optimizer steps.
        evaluations: of the network by one sample grid, counted in images.
        scratch: the training's own folder.
    """
    record = scratch / _RECORD
    if not record.exists():
        pace = measure(min(_PROBE_SECONDS, _PROBE_SHARE * 60 * minutes))
        fit = pace.epochs_within(60 * minutes, steps_per_epoch, params, evaluations)
        steps = min(fit, params.max_epochs) * steps_per_epoch
        log.info(
            "%g minutes (diffusion.max_minutes) are %d steps at %.3g s per step; diffusion.max_steps=%d repeats this",
            minutes,
            steps,
            pace.step,
            steps,
        )
        if rank() == 0:
            with AtomicFile(record) as file:
                file.write(json.dumps({"steps": steps}).encode())
        wait_for_all()
    return int(json.loads(record.read_text())["steps"])


def measure_pace(
    module: DenoiserTraining,
    params: DiffusionParameters,
    batches: DataLoader,
    validation: DataLoader,
    scratch: Path,
    seconds: float,
) -> Pace:
    """Times the first steps of a training on a copy of its module; leaves weights and random numbers as they were.

    Args:
        module: before its first step.
        params: the block ``diffusion``.
        batches: of training.
        validation: batches of validation.
        scratch: folder for the probe's files, which are removed in the end.
        seconds: of steps, after which it ends; five steps are taken in any case.
    """
    start, folder, stopwatch = now(), scratch / _PROBE, _Stopwatch(seconds)
    probe = copy.deepcopy(module)
    probe.total_steps = _UNREACHED
    with isolate_rng():
        trainer = make_trainer(
            folder,
            _UNREACHED,
            params.precision,
            [ExponentialMovingAverage(params.ema_decay), stopwatch],
            params.gradient_clip,
            use_distributed_sampler=False,
            limit_val_batches=2,
        )
        trainer.fit(probe, batches, validation)
    wait_for_all()
    shutil.rmtree(folder, ignore_errors=True)
    first, *others = stopwatch.steps
    step = median(others)
    evaluation = min(seconds / images for seconds, images in stopwatch.validation)
    images = len(validation) * max(images for _, images in stopwatch.validation)
    return Pace(
        step=step,
        epoch_end=images * evaluation + stopwatch.epoch_end,
        evaluation=evaluation,
        once=now() - start + max(0.0, first - step),
    )


class _Stopwatch(Callback):
    """Times steps and batches of validation, and ends the training after ``limit`` seconds.

    Comes after the averaging callback, whose work belongs to a step.

    Attributes:
        steps: seconds of each, from the end of the one before.
        validation: seconds and images of each batch of the last validation.
        epoch_end: seconds from the last step to the end, without those batches.
    """

    def __init__(self, limit: float) -> None:
        self.steps: list[float] = []
        self.validation: list[tuple[float, int]] = []
        self.epoch_end = 0.0
        self._limit = limit

    @override
    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.validation = []
        self._mark = now()

    @override
    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        mark = now()
        self.steps.append(mark - self._mark)
        self._mark = mark
        enough = len(self.steps) >= _LEAST_STEPS and sum(self.steps) >= self._limit
        trainer.should_stop = trainer.strategy.reduce_boolean_decision(enough, all=False)

    @override
    def on_validation_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        self._validation_mark = now()

    @override
    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self.validation.append((now() - self._validation_mark, len(batch[1])))

    @override
    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.epoch_end = now() - self._mark - sum(seconds for seconds, _ in self.validation)

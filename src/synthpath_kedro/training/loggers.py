"""Logs a training's parameters and metrics by epoch; the training does not depend on it.

A function that ``LOGGERS`` names takes the log's folder, what is trained, and the version of the log that a resumed
training continues (None: a new one), and returns one of Lightning's loggers.
"""

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch import loggers
from lightning.pytorch.callbacks import Callback
from pydantic import BaseModel
from typing_extensions import override

from synthpath_kedro.parameters import TrainingParameters
from synthpath_kedro.study.loggers import LOGGERS, check_logger
from synthpath_kedro.study.table import load_attribute
from synthpath_kedro.training.progress import EpochHistory

Build = Callable[[str | None], loggers.Logger]


@dataclass(frozen=True)
class TrainingLog:
    """Where trainings are logged and how often they save a checkpoint; neither decides what is trained.

    Attributes:
        logger: one of ``LOGGERS``.
        folder: of the logs; made when something is logged.
        checkpoint_minutes: least time between two checkpoints; 0: one after every epoch.
    """

    logger: str
    folder: Path
    checkpoint_minutes: float = 0.0

    @classmethod
    def of(cls, training: TrainingParameters, folder: Path) -> "TrainingLog":
        """As the block ``training`` says, in ``folder``."""
        return cls(training.logger, folder, training.checkpoint_minutes)

    def callbacks(self, what: str, history: EpochHistory, parameters: BaseModel) -> Sequence[Callback]:
        """What ``make_trainer`` takes as ``loggers``.

        Args:
            what: is trained, as a relative path: "classifiers/cnn/mixed/replicate_0".
            history: gives the metrics.
            parameters: logged once.

        Raises:
            InputError: the logger's package is not installed.
        """
        check_logger(self.logger)
        entry = LOGGERS[self.logger]
        if entry.build is None:
            return ()
        build = partial(load_attribute(entry.build), self.folder, what)
        return [EpochLog(build, history, parameters.model_dump(mode="json"), entry.rewrites)]


class EpochLog(Callback):
    """Logs parameters once, and after each epoch the row that ``history`` has added.

    Args:
        build: gives the logger of a version, or a new one's for None.
        history: comes before this callback.
        parameters: plain JSON.
        rewrites: whether a resumed training logs the earlier epochs again.
    """

    def __init__(self, build: Build, history: EpochHistory, parameters: dict[str, Any], rewrites: bool) -> None:
        self._build, self._history, self._parameters, self._rewrites = build, history, parameters, rewrites
        self._version: str | None = None
        self._logger: loggers.Logger | None = None

    @override
    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        self._logger = self._build(self._version)
        self._version = str(self._logger.version)
        self._logger.log_hyperparams(self._parameters)
        for row in self._history.rows if self._rewrites else ():
            self._log(row)

    @override
    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._log(self._history.rows[-1])

    @override
    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._end("success")

    @override
    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._end("failed")

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"version": self._version}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._version = state_dict["version"]

    def _log(self, row: dict[str, float]) -> None:
        if self._logger is not None:
            metrics = {name: value for name, value in row.items() if name != "epoch"}
            self._logger.log_metrics(metrics, step=int(row["epoch"]))
            self._logger.save()

    def _end(self, status: str) -> None:
        if self._logger is not None:
            self._logger.finalize(status)


def csv(folder: Path, what: str, version: str | None) -> loggers.Logger:
    """``<folder>/<what>/<version>/metrics.csv``, one row per epoch."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*Previous log files in this directory will be deleted.*")
        logger = loggers.CSVLogger(folder, what, version or _now())
        logger.experiment  # noqa: B018 - warns when it is made
    return logger


def tensorboard(folder: Path, what: str, version: str | None) -> loggers.Logger:
    """Event files in ``<folder>/<what>/<version>``; epochs of a killed training are superseded by its resumption."""
    return loggers.TensorBoardLogger(folder, what, version or _now(), default_hp_metric=False, purge_step=0)


def mlflow(folder: Path, what: str, version: str | None) -> loggers.Logger:
    """The server that MLFLOW_TRACKING_URI names, else files in ``<folder>/mlflow``; one experiment per ``what``."""
    # Newer releases ask for a database, in which trainings that start together would collide.
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"file:{(folder / 'mlflow').absolute()}"
    return loggers.MLFlowLogger(what, _now(), uri, run_id=version)


def wandb(folder: Path, what: str, version: str | None) -> loggers.Logger:
    """An offline run in ``<folder>/wandb``, to be sent by ``wandb sync``; online where WANDB_MODE says so."""
    folder.mkdir(parents=True, exist_ok=True)
    identity = version or f"{what.replace('/', '-')}-{_now()}"
    offline = os.environ.get("WANDB_MODE", "offline") == "offline"
    return _OneRun(what, folder, identity, offline=offline, project="synthpath", resume="allow", reinit="create_new")


class _OneRun(loggers.WandbLogger):
    """Ends its run with the training: Lightning leaves it open, and a process trains several classifiers."""

    @override
    def finalize(self, status: str) -> None:
        super().finalize(status)
        self.experiment.finish(exit_code=0 if status == "success" else 1)


def _now() -> str:
    """A name that sorts by time and is safe in paths."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H.%M.%S.%fZ")

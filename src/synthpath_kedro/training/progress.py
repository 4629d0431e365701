"""One row per epoch: logged as it ends, kept in the checkpoint, given back as a table."""

import logging
import math
import time
from datetime import timedelta
from typing import Any

import lightning.pytorch as pl
import pandas as pd
from lightning.pytorch.callbacks import Callback
from typing_extensions import override

from synthpath_kedro.errors import InputError

log = logging.getLogger(__name__)

TRAIN_LOSS = "train_loss"


class EpochHistory(Callback):
    """Collects a training's losses and speed and logs a line per epoch, or per validation where that is rarer.

    Training ends with an InputError after an epoch whose training loss is not finite.

    Args:
        name: what is trained, as the log calls it.
        n_images: training images per epoch.
        metrics: what the module logs and the table holds, in this order.
    """

    def __init__(self, name: str, n_images: int, metrics: tuple[str, ...] = ("train_loss", "val_loss")) -> None:
        self.name, self.n_images, self.metrics = name, n_images, metrics
        self.rows: list[dict[str, float]] = []
        self._start = 0.0
        self._training_end: float | None = None
        self._learning_rate = float("nan")

    @property
    def table(self) -> pd.DataFrame:
        """One row per epoch: epoch (from 1), the metrics, learning_rate, seconds, images_per_second (training only).

        The learning rate is that of the epoch's last step.
        """
        columns = ["epoch", *self.metrics, "learning_rate", "seconds", "images_per_second"]
        return pd.DataFrame(self.rows, columns=columns).astype({"epoch": int})

    @override
    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._start = time.monotonic()
        self._training_end = None

    @override
    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, index: int) -> None:
        self._learning_rate = float(trainer.optimizers[0].param_groups[0]["lr"])

    @override
    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._training_end = time.monotonic()

    @override
    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        now = time.monotonic()
        validated = self._training_end is not None
        metrics = trainer.callback_metrics  # of an epoch without validation they hold an older one's
        row = {
            "epoch": trainer.current_epoch + 1,
            **{name: float(metrics.get(name, math.nan)) for name in self.metrics if validated or name == TRAIN_LOSS},
            "learning_rate": self._learning_rate,
            "seconds": now - self._start,
            "images_per_second": self.n_images / max((self._training_end or now) - self._start, 1e-9),
        }
        if not math.isfinite(row.get(TRAIN_LOSS, 0.0)):
            raise InputError(
                f"{self.name}: the training loss is {row[TRAIN_LOSS]:g} after epoch {row['epoch']}: the training "
                "diverged; set a lower learning_rate"
            )
        self.rows.append(row)
        if validated or not trainer.enable_validation:
            log.info("%s", self._line(row, trainer.max_epochs or 0))

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = list(state_dict["rows"])

    def _line(self, row: dict[str, float], max_epochs: int) -> str:
        losses = ", ".join(f"{name.replace('_', ' ')} {row[name]:.4g}" for name in self.metrics if name in row)
        left = timedelta(seconds=round(row["seconds"] * (max_epochs - row["epoch"])))
        speed = f"{row['images_per_second']:.0f} images/s"
        return f"{self.name}: epoch {row['epoch']}/{max_epochs}: {losses}, {speed}, at most {left} left"

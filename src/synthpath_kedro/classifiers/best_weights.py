"""Keeps the trained weights of the epoch with the lowest validation loss."""

from typing import Any, cast

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from synthpath_kedro.classifiers.classifier import Classifier

State = dict[str, Tensor]


class BestWeights(Callback):
    """Copies what is trained whenever the validation loss falls; part of the checkpoint.

    Attributes:
        state: the copy; empty while no epoch had a finite validation loss.
        epoch: which epoch's it is, from 1.
        val_loss: that epoch's validation loss.
    """

    def __init__(self) -> None:
        self.state: State = {}
        self.epoch = 0
        self.val_loss = float("inf")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compares the epoch that was just validated with the best so far."""
        val_loss = float(trainer.callback_metrics["val_loss"])
        if val_loss < self.val_loss:
            self.val_loss, self.epoch = val_loss, trainer.current_epoch + 1
            self.state = trained_state(cast(Classifier, pl_module.classifier))

    def state_dict(self) -> dict[str, Any]:
        return {"state": self.state, "epoch": self.epoch, "val_loss": self.val_loss}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.state, self.epoch, self.val_loss = state_dict["state"], state_dict["epoch"], state_dict["val_loss"]


def trained_state(classifier: Classifier) -> State:
    """A copy on the CPU of everything in ``classifier`` that is not frozen."""
    return {
        name: tensor.detach().cpu().clone()
        for name, tensor in classifier.state_dict().items()
        if not name.startswith("frozen.")
    }

"""A classifier's training loop, as Lightning wants it."""

from collections.abc import Callable, Sequence
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor
from torch.nn import functional as F

from synthpath_kedro.classifiers.batches import EpochBatches, InOrder
from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.prediction import frozen_output
from synthpath_kedro.classifiers.preprocessing import to_unit_interval
from synthpath_kedro.parameters import ClassificationParameters
from synthpath_kedro.training.augmentation import random_dihedral
from synthpath_kedro.training.seeding import Stream, mixed_seed, seeded_generator

LightningBatch = tuple[Tensor, Tensor]


class ClassifierTraining(pl.LightningModule):
    """Trains what is not frozen: AdamW, cross-entropy, MultiStepLR.

    Args:
        classifier: starts from the weights it has.
        params: the block ``classification``.
        learning_rate: AdamW's.
        milestones: epochs after which the learning rate falls.
        class_weights: float [classes] weights of the training loss, or None.
        validation_weights: float [classes] weights of the validation loss, or None.
        batches: the batches of an epoch (from 0).
        validation: the validation batches.
        seed: decides dropout and augmentation; each epoch's follow from it and the epoch alone.
        augment: random flips and quarter turns of every training image.
    """

    class_weights: Tensor | None
    validation_weights: Tensor | None

    def __init__(
        self,
        classifier: Classifier,
        params: ClassificationParameters,
        learning_rate: float,
        milestones: Sequence[int],
        class_weights: Tensor | None,
        validation_weights: Tensor | None,
        batches: Callable[[int], EpochBatches],
        validation: InOrder,
        seed: int,
        augment: bool = False,
    ) -> None:
        super().__init__()
        self.classifier = classifier.train()
        self.params, self.learning_rate, self.milestones, self.seed = params, learning_rate, milestones, seed
        self.batches, self.validation, self.augment = batches, validation, augment
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.register_buffer("validation_weights", validation_weights, persistent=False)
        self.strict_loading = False  # the checkpoint leaves out the frozen part

    def configure_optimizers(self) -> Any:
        """AdamW on what takes a gradient, its learning rate falling at the milestones."""
        trained = [parameter for parameter in self.classifier.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=self.learning_rate, weight_decay=self.params.weight_decay, fused=True)
        schedule = torch.optim.lr_scheduler.MultiStepLR(
            optimizer, milestones=list(self.milestones), gamma=self.params.gamma
        )
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def train_dataloader(self) -> EpochBatches:
        """The batches of the current epoch; the trainer asks for them in each epoch."""
        return self.batches(self.trainer.current_epoch)

    def val_dataloader(self) -> InOrder:
        return self.validation

    def on_train_epoch_start(self) -> None:
        torch.manual_seed(mixed_seed(self.seed, Stream.CLASSIFIER_DROPOUT, self.trainer.current_epoch))
        self._train_loss = _Mean()

    def training_step(self, batch: LightningBatch, index: int) -> Tensor:
        inputs, labels = batch
        if self.augment:
            key = (self.seed, Stream.CLASSIFIER_AUGMENTATION, self.trainer.current_epoch, index)
            generator = seeded_generator(*key, device=self.device)
            logits = self.classifier(random_dihedral(to_unit_interval(inputs), generator))
        else:
            logits = self._logits(inputs)
        loss = F.cross_entropy(logits, labels, self.class_weights)
        self._train_loss.add(loss.detach() * len(labels), len(labels))
        return loss

    def on_validation_epoch_start(self) -> None:
        self._val_loss, self._val_accuracy = _Mean(), _Mean()

    def validation_step(self, batch: LightningBatch, index: int) -> None:
        del index
        inputs, labels = batch
        logits = self._logits(inputs).float()
        weights = torch.ones_like(logits[0]) if self.validation_weights is None else self.validation_weights
        self._val_loss.add(F.cross_entropy(logits, labels, weights, reduction="sum"), weights[labels].sum())
        self._val_accuracy.add((logits.argmax(dim=1) == labels).sum(), len(labels))

    def on_validation_epoch_end(self) -> None:
        values = {"train_loss": self._train_loss, "val_loss": self._val_loss, "val_accuracy": self._val_accuracy}
        self.log_dict({name: mean.value for name, mean in values.items()}, prog_bar=True)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leaves out the frozen part, which is the same after a restart."""
        state = checkpoint["state_dict"]
        for name in [name for name in state if name.startswith("classifier.frozen.")]:
            del state[name]

    def _logits(self, inputs: Tensor) -> Tensor:
        return self.classifier.head_logits(frozen_output(self.classifier, inputs))


class _Mean:
    """A mean over batches that does not wait for the device before it is read."""

    def __init__(self) -> None:
        self.total: Tensor | float = 0.0
        self.weight: Tensor | float = 0.0

    def add(self, total: Tensor, weight: Tensor | float) -> None:
        self.total, self.weight = self.total + total, self.weight + weight

    @property
    def value(self) -> Tensor:
        return torch.as_tensor(self.total / self.weight, dtype=torch.float32)

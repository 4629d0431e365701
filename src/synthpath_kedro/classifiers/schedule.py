"""How long a classifier trains, in epochs, where the budget is one in optimizer steps."""

from dataclasses import dataclass
from math import ceil
from typing import Self

from synthpath_kedro.data.regimes import steps_per_epoch
from synthpath_kedro.parameters import ClassificationParameters
from synthpath_kedro.study.regimes import REGIMES


@dataclass(frozen=True)
class Schedule:
    """The epochs of a training, the same for every regime of a model.

    Attributes:
        epochs: at most.
        milestones: epochs after which the learning rate falls.
        patience: epochs without a better validation loss before stopping.
    """

    epochs: int
    milestones: tuple[int, ...]
    patience: int

    @classmethod
    def of(cls, params: ClassificationParameters, model: str, n_real: int) -> Self:
        """``max_epochs``, or as many as give ``min_steps`` steps under real; the rest in proportion, rounded up.

        Args:
            params: the block ``classification``.
            model: a name in ``params.backbones``.
            n_real: real training images.
        """
        steps = steps_per_epoch(REGIMES["real"], n_real, params.backbone(model).batch_size, params.mixing_ratio)
        epochs = max(params.max_epochs, ceil(params.min_steps_of(model) / steps))

        def scaled(length: int) -> int:
            return ceil(length * epochs / params.max_epochs)

        return cls(epochs, tuple(map(scaled, params.milestones)), scaled(params.patience))

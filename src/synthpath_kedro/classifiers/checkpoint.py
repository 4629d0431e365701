"""A cell at rest: one file with every replicate's weights, and the frozen part once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.registry import restore_classifier
from synthpath_kedro.data.artifact import Artifact, Card
from synthpath_kedro.data.cell_metadata import ClassifierMetadata
from synthpath_kedro.errors import InputError

FROZEN = "frozen."
_STATE, _HISTORY = "state.", "history."


@dataclass(frozen=True)
class Replicate:
    """One trained replicate.

    Attributes:
        state: its best epoch's weights: everything but the frozen part.
        card: replicate, best_epoch (from 1), val_loss of that epoch.
        history: one row per epoch, numbers alone.
    """

    state: Mapping[str, Tensor]
    card: Card
    history: pd.DataFrame

    def to_artifact(self, key: Card) -> Artifact:
        """As a working file that a killed run leaves behind."""
        columns = {_HISTORY + str(name): column.to_numpy() for name, column in self.history.items()}
        card = {"key": key, "replicate": self.card, "columns": list(self.history.columns)}
        return Artifact(_arrays(self.state, _STATE) | columns, card)

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> "Replicate":
        """The inverse of ``to_artifact``."""
        columns = {name: np.array(artifact.tensors[_HISTORY + name]) for name in artifact.card["columns"]}
        return cls(_tensors(artifact, _STATE), artifact.card["replicate"], pd.DataFrame(columns))


def cell_checkpoint(classifier: Classifier, replicates: Sequence[Replicate], metadata: ClassifierMetadata) -> Artifact:
    """The cell's artifact.

    Args:
        classifier: gives the frozen part.
        replicates: in order.
        metadata: what its weights were made from.
    """
    tensors = _arrays(classifier.frozen.state_dict(), FROZEN)
    for index, replicate in enumerate(replicates):
        tensors |= _arrays(replicate.state, _prefix(index))
    cards = [replicate.card for replicate in replicates]
    return Artifact(tensors, metadata.model_copy(update={"replicates": cards}).to_json())


def load_classifiers(checkpoint: Artifact) -> list[Classifier]:
    """The trained classifiers of a cell, one per replicate, in eval mode; needs no published weights.

    Raises:
        InputError: the checkpoint is not one of this version's classifiers.
    """
    metadata = ClassifierMetadata.of(checkpoint)
    return [_load(checkpoint, metadata, index) for index in range(len(metadata.replicates))]


def _load(checkpoint: Artifact, metadata: ClassifierMetadata, index: int) -> Classifier:
    classifier = restore_classifier(metadata)
    frozen = {FROZEN + name: tensor for name, tensor in _tensors(checkpoint, FROZEN).items()}
    try:
        classifier.load_state_dict(frozen | _tensors(checkpoint, _prefix(index)))
    except RuntimeError as error:
        raise InputError(
            f"the checkpoint of {metadata.model} under {metadata.regime} does not fit this version's "
            f"{metadata.variant} "
            f"({str(error).splitlines()[-1].strip()}); train the cell again"
        ) from error
    return classifier.eval()


def _prefix(index: int) -> str:
    return f"replicate_{index}."


def _arrays(state: Mapping[str, Tensor], prefix: str) -> dict[str, np.ndarray]:
    return {prefix + name: tensor.detach().cpu().numpy() for name, tensor in state.items()}


def _tensors(artifact: Artifact, prefix: str) -> dict[str, Tensor]:
    """The tensors whose name begins with ``prefix``, without it."""
    return {
        name.removeprefix(prefix): torch.from_numpy(np.array(array))
        for name, array in artifact.tensors.items()
        if name.startswith(prefix)
    }

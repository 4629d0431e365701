"""A cell at rest: one file with every replicate's weights, and the frozen part once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.registry import restore_classifier
from synthpath_kedro.data.artefact import Artefact, Card
from synthpath_kedro.errors import InputError

FROZEN = "frozen."


@dataclass(frozen=True)
class Replicate:
    """One trained replicate.

    Attributes:
        state: its best epoch's weights: everything but the frozen part.
        card: replicate, best_epoch (from 1), val_loss of that epoch.
        history: its rows of the cell's history.
    """

    state: Mapping[str, Tensor]
    card: Card
    history: pd.DataFrame

    def to_artefact(self, key: Card) -> Artefact:
        """As a working file that a killed run leaves behind."""
        card = {"key": key, "replicate": self.card, "history": self.history.to_json(orient="table", index=False)}
        return Artefact(_arrays(self.state), card)

    @classmethod
    def from_artefact(cls, artefact: Artefact) -> "Replicate":
        """The inverse of ``to_artefact``."""
        state = {name: torch.from_numpy(np.array(array)) for name, array in artefact.tensors.items()}
        return cls(state, artefact.card["replicate"], pd.read_json(StringIO(artefact.card["history"]), orient="table"))


def cell_checkpoint(classifier: Classifier, replicates: Sequence[Replicate], card: Card) -> Artefact:
    """The cell's artefact.

    Args:
        classifier: gives the frozen part.
        replicates: in order.
        card: where the cell comes from.
    """
    tensors = {FROZEN + name: array for name, array in _arrays(classifier.frozen.state_dict()).items()}
    for index, replicate in enumerate(replicates):
        tensors |= {f"replicate_{index}.{name}": array for name, array in _arrays(replicate.state).items()}
    return Artefact(tensors, {**card, "replicates": [replicate.card for replicate in replicates]})


def load_classifiers(checkpoint: Artefact) -> list[Classifier]:
    """The trained classifiers of a cell, one a replicate, in eval mode; needs no published weights.

    Raises:
        InputError: the checkpoint is not one of this version's classifiers.
    """
    return [_load(checkpoint, index) for index in range(len(checkpoint.card["replicates"]))]


def _load(checkpoint: Artefact, index: int) -> Classifier:
    card = checkpoint.card
    classifier = restore_classifier(card["model"], card["architecture"], tuple(card["class_names"]))
    classifier.weights = card["weights"]
    prefix = f"replicate_{index}."
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in checkpoint.tensors.items()}
    state = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith((prefix, FROZEN))}
    try:
        classifier.load_state_dict(state)
    except RuntimeError as error:
        raise InputError(
            f"the checkpoint of {card['model']} under {card['regime']} does not fit this version's {card['variant']} "
            f"({str(error).splitlines()[-1].strip()}); train the cell again"
        ) from error
    return classifier.eval()


def _arrays(state: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: tensor.detach().cpu().numpy() for name, tensor in state.items()}

"""What a classifier says of images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.preprocessing import to_unit_interval
from synthpath_kedro.parameters.block import Precision
from synthpath_kedro.training.precision import FLOAT32, computing_in
from synthpath_kedro.training.resident import Rows


@dataclass(frozen=True)
class Predictions:
    """Class probabilities and penultimate-layer features.

    Attributes:
        probabilities: float32 [N, classes].
        features: float32 [N, D].
    """

    probabilities: np.ndarray
    features: np.ndarray


def frozen_output(classifier: Classifier, inputs: Tensor) -> Tensor:
    """What the frozen part makes of a batch: of uint8 images, or stored, in which case it is taken as it is."""
    if inputs.dtype == torch.uint8:
        return classifier.frozen_features(to_unit_interval(inputs))
    return inputs.to(torch.get_default_dtype())


def predict(classifier: Classifier, inputs: Rows, batch_size: int) -> Predictions:
    """Predictions for images, on the device the classifier is on.

    Args:
        classifier: put into eval mode.
        inputs: uint8 [N, H, W, 3] images of any size, or float [N, *frozen] their stored cached features (see
            ``stored_features``), with which only the trained part is computed.
        batch_size: images per forward pass.
    """
    return predict_replicates([classifier], inputs, batch_size)[0]


@torch.inference_mode()
def predict_replicates(
    classifiers: Sequence[Classifier],
    inputs: Rows,
    batch_size: int,
    rows: np.ndarray | None = None,
    precision: Precision = FLOAT32,
) -> list[Predictions]:
    """``predict`` for all replicates of a cell: what their common frozen part makes of a batch is computed once.

    Args:
        classifiers: the replicates.
        inputs: images or stored cached features, as for ``predict``.
        batch_size: images per forward pass.
        rows: int64 [n], which of ``inputs`` to predict, in this order; None for all.
        precision: of all layers but the last, which is always float32; not auto.
    """
    first = classifiers[0]
    device = next(first.parameters()).device
    for classifier in classifiers:
        classifier.eval()
    parts: list[list[Predictions]] = [[] for _ in classifiers]
    rows = np.arange(len(inputs)) if rows is None else rows
    for start in range(0, len(rows), batch_size):
        batch = np.array(inputs[rows[start : start + batch_size]])
        with computing_in(precision, device):
            frozen = frozen_output(first, torch.from_numpy(batch).to(device))
            features = [classifier.head_features(frozen) for classifier in classifiers]
        for classifier, of_classifier, batches in zip(classifiers, features, parts, strict=True):
            batches.append(_from_features(classifier, of_classifier))
    return [
        Predictions(np.concatenate([b.probabilities for b in batches]), np.concatenate([b.features for b in batches]))
        for batches in parts
    ]


def _from_features(classifier: Classifier, features: Tensor) -> Predictions:
    # In bfloat16 many logits would be equal: its numbers near 10 are a sixteenth apart.
    probabilities = classifier.output(features.to(torch.get_default_dtype())).float().softmax(dim=1)
    return Predictions(probabilities.cpu().numpy(), features.float().cpu().numpy())

"""What a classifier says of images."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.preprocessing import to_unit_interval
from synthpath_kedro.data.artefact import Artefact
from synthpath_kedro.errors import InputError


@dataclass(frozen=True)
class Predictions:
    """Class probabilities and penultimate-layer features.

    Attributes:
        probabilities: float32 [N, classes].
        features: float32 [N, D].
    """

    probabilities: np.ndarray
    features: np.ndarray


@torch.inference_mode()
def predict(classifier: Classifier, images: np.ndarray, batch_size: int, trunk: Artefact | None = None) -> Predictions:
    """Predictions for uint8 images [N, H, W, 3], on the device the classifier is on.

    Args:
        classifier: put into eval mode.
        images: any size; resized by the classifier.
        batch_size: images a forward pass.
        trunk: stored trunk features of these images, in order; then only the trained part is computed.
    """
    classifier.eval()
    probabilities, features = [], []
    for trunk_output in _trunk_outputs(classifier, images, batch_size, trunk):
        batch_features = classifier.head_features(trunk_output)
        features.append(batch_features.float().cpu())
        probabilities.append(classifier.output(batch_features).float().softmax(dim=1).cpu())
    return Predictions(torch.cat(probabilities).numpy(), torch.cat(features).numpy())


def _trunk_outputs(
    classifier: Classifier, images: np.ndarray, batch_size: int, trunk: Artefact | None
) -> Iterator[Tensor]:
    device = next(classifier.parameters()).device
    stored = None if trunk is None else trunk.tensors.get("features")
    if stored is not None and len(stored) != len(images):
        raise InputError(f"stored trunk features are of {len(stored)} images, not of {len(images)}; remove the file")
    for start in range(0, len(images), batch_size):
        rows = slice(start, start + batch_size)
        if stored is None:
            yield classifier.trunk(to_unit_interval(torch.from_numpy(np.array(images[rows])).to(device)))
        else:
            yield torch.from_numpy(np.array(stored[rows])).to(device, torch.get_default_dtype())

"""What a classifier says of images."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.preprocessing import to_unit_interval


@dataclass(frozen=True)
class Predictions:
    """Class probabilities and penultimate-layer features.

    Attributes:
        probabilities: float32 [N, classes].
        features: float32 [N, D].
    """

    probabilities: np.ndarray
    features: np.ndarray


def trunk_output(classifier: Classifier, inputs: Tensor) -> Tensor:
    """What the frozen part makes of a batch: of uint8 images, or stored, in which case it is taken as it is."""
    if inputs.dtype == torch.uint8:
        return classifier.trunk(to_unit_interval(inputs))
    return inputs.to(torch.get_default_dtype())


@torch.inference_mode()
def predict(classifier: Classifier, inputs: np.ndarray, batch_size: int) -> Predictions:
    """Predictions for images, on the device the classifier is on.

    Args:
        classifier: put into eval mode.
        inputs: uint8 [N, H, W, 3] images of any size, or float [N, *trunk] their stored trunk features (see
            ``stored_features``), with which only the trained part is computed.
        batch_size: images a forward pass.
    """
    classifier.eval()
    device = next(classifier.parameters()).device
    probabilities, features = [], []
    for start in range(0, len(inputs), batch_size):
        batch = torch.from_numpy(np.array(inputs[start : start + batch_size])).to(device)
        batch_features = classifier.head_features(trunk_output(classifier, batch))
        features.append(batch_features.float().cpu())
        probabilities.append(classifier.output(batch_features).float().softmax(dim=1).cpu())
    return Predictions(torch.cat(probabilities).numpy(), torch.cat(features).numpy())

"""Networks that turn images into features, for fidelity and near-duplicates: a classifier's without its output."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from synthpath_kedro.classifiers.registry import build
from synthpath_kedro.classifiers.spec import ClassifierSpec
from synthpath_kedro.data.artifact import digest_arrays
from synthpath_kedro.parameters import FeatureParameters


@dataclass(frozen=True)
class Extractor:
    """A network without its output layer.

    Attributes:
        name: what tables call it.
        weights: the data it was trained on.
        input_size: pixels that images are resized to.
        network: takes [0, 1] NCHW of any size, gives features [N, D].
        license: of the weights; "" where it is not known.
    """

    name: str
    weights: str
    input_size: int
    network: nn.Module
    license: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of all weights and statistics."""
        return digest_arrays({name: tensor.cpu().numpy() for name, tensor in self.network.state_dict().items()})

    @torch.inference_mode()
    def features(self, pixels: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch features"]:
        """Features of images in [0, 1]."""
        return self.network(pixels).flatten(start_dim=1)


def load_extractor(params: FeatureParameters) -> Extractor:
    """The network that ``params`` describes, with its published weights or a file's, in eval mode.

    Args:
        params: the block ``evaluation.features``.

    Raises:
        InputError: its weights are not at hand, or the input size does not suit it.
    """
    spec = ClassifierSpec.of_extractor(params)
    classifier = build(spec)
    parts = nn.Sequential(classifier.preprocessing, classifier.frozen, classifier.trained)
    name = classifier.variant if params.family == "timm" else spec.name
    return Extractor(
        name, classifier.weights, params.input_size, parts.requires_grad_(False).eval(), classifier.license
    )

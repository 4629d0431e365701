"""Named networks whose features the fidelity and privacy numbers are measured in."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from synthpath_kedro.classifiers.hub import checksummed_file
from synthpath_kedro.classifiers.preprocessing import CENTERED, preprocessing
from synthpath_kedro.classifiers.registry import build_classifier
from synthpath_kedro.classifiers.weights import Published, load_weights
from synthpath_kedro.data.artifact import digest_arrays
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import BackboneParameters, ClassificationParameters, FeatureParameters

_VARIANTS = {"efficientnet_lite0": "tf_efficientnet_lite0", "dinov2": "vit_small_patch14_dinov2.lvd142m"}
_INCEPTION_URL = "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth"
_SMALLEST_INCEPTION_INPUT = 75


@dataclass(frozen=True)
class Extractor:
    """A network without its output layer.

    Attributes:
        name: what tables call it.
        weights: the data it was trained on.
        input_size: pixels that images are resized to.
        network: takes [0, 1] NCHW of any size, gives features [N, D].
    """

    name: str
    weights: str
    input_size: int
    network: nn.Module

    @property
    def digest(self) -> str:
        """SHA-256 of all weights and statistics."""
        return digest_arrays({name: tensor.cpu().numpy() for name, tensor in self.network.state_dict().items()})

    @torch.inference_mode()
    def features(self, pixels: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch features"]:
        """Features of images in [0, 1]."""
        return self.network(pixels).flatten(start_dim=1)


def load_extractor(params: FeatureParameters, classification: ClassificationParameters) -> Extractor:
    """The network that ``params.extractor`` names, with its published weights or a file's, in eval mode.

    Args:
        params: the block ``evaluation.features``.
        classification: from which the classifiers are built.

    Raises:
        InputError: its weights are not at hand, or the input size does not suit it.
    """
    try:
        if params.extractor == "inception":
            return _inception(params)
        return _of_classifier(params, classification)
    except InputError as error:
        # What builds classifiers names their parameters, and offers random weights, whose features mean nothing.
        theirs, ours = f"classification.{params.extractor}.weights", "evaluation.features.weights"
        reason = str(error).replace(f", or {theirs}=random", "").replace(theirs, ours)
        raise InputError(
            f"evaluation.features.extractor {params.extractor!r} with input_size {params.input_size} cannot be used "
            f"({reason}); efficientnet_lite0 needs no download and takes any size"
        ) from error


def _of_classifier(params: FeatureParameters, classification: ClassificationParameters) -> Extractor:
    name, weights = params.extractor, params.weights
    backbone = BackboneParameters(
        variant=_VARIANTS[name], weights=weights, input_size=params.input_size, batch_size=1, learning_rate=1
    )
    params_of_extractor = classification.model_copy(update={"backbones": {name: backbone}})
    classifier = build_classifier(name, ("any",), params_of_extractor, seed=0)
    parts = nn.Sequential(classifier.preprocessing, classifier.frozen, classifier.trained)
    return Extractor(name, classifier.weights, params.input_size, parts.requires_grad_(False).eval())


def _inception(params: FeatureParameters) -> Extractor:
    from torchvision.models import inception_v3

    input_size = params.input_size
    if input_size < _SMALLEST_INCEPTION_INPUT:
        raise InputError(f"Inception takes {_SMALLEST_INCEPTION_INPUT} pixels or more")
    # The published weights expect values in [-1, 1], which is what CENTERED gives.
    network = inception_v3(weights=None, aux_logits=True, init_weights=False, transform_input=False)
    backbone = BackboneParameters(
        variant="inception_v3", weights=params.weights, input_size=input_size, batch_size=1, learning_rate=1
    )
    published = Published("ImageNet", lambda: checksummed_file("inception", _INCEPTION_URL))
    weights = load_weights(network, "inception", backbone, published)
    network.fc = nn.Identity()
    parts = nn.Sequential(preprocessing(input_size, CENTERED), network)
    return Extractor("inception", weights, input_size, parts.requires_grad_(False).eval())

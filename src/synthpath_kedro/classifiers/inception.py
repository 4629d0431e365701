"""Inception v3: the network of the Fréchet inception distance; frozen, with a linear layer on its features."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import nn
from torchvision.models import Inception3, inception_v3

from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.preprocessing import CENTERED, preprocessing
from synthpath_kedro.classifiers.seeding import seeded
from synthpath_kedro.classifiers.spec import ClassifierSpec
from synthpath_kedro.classifiers.weights import Published, State, load_weights
from synthpath_kedro.errors import InputError
from synthpath_kedro.hub import checksummed_file

VARIANT = "inception_v3"
URL = "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth"
FEATURES = 2048
_SMALLEST_INPUT = 75


def build(spec: ClassifierSpec) -> Classifier:
    """Inception v3 with the weights the parameters ask for and a new output layer.

    Raises:
        InputError: no such variant, an input it does not take, or weights that cannot be used.
    """
    backbone = spec.backbone
    if backbone.variant != VARIANT:
        raise InputError(f"{spec.block.key('variant')} is {backbone.variant!r}; valid: {VARIANT}")
    if backbone.input_size < _SMALLEST_INPUT:
        raise InputError(
            f"{spec.block.key('input_size')} is {backbone.input_size}; valid: {_SMALLEST_INPUT} or more for Inception"
        )
    with seeded(spec.seed, spec.name):
        network = _without_output()
    weights = load_weights(network, spec, Published("ImageNet", partial(checksummed_file, spec.block, URL)), _drop)
    architecture = {"variant": backbone.variant, "input_size": backbone.input_size}
    with seeded(spec.seed, spec.name, spec.replicate):
        return _assemble(network, architecture, spec.class_names, weights)


def restore(architecture: Mapping[str, Any], class_names: tuple[str, ...]) -> Classifier:
    """Inception's layers as ``architecture`` describes them."""
    return _assemble(_without_output(), dict(architecture), class_names, weights="")


def _assemble(
    network: Inception3, architecture: dict[str, Any], class_names: tuple[str, ...], weights: str
) -> Classifier:
    return Classifier(
        # The published weights expect values in [-1, 1], which is what CENTERED gives.
        preprocessing(architecture["input_size"], CENTERED),
        frozen=network,
        trained=nn.Identity(),
        output=nn.Linear(FEATURES, len(class_names)),
        architecture=architecture,
        weights=weights,
        class_names=class_names,
    )


def _without_output() -> Inception3:
    network = inception_v3(weights=None, aux_logits=False, init_weights=True, transform_input=False)
    network.fc = nn.Identity()
    return network


def _drop(state: State) -> State:
    """Neither the output layer nor the auxiliary one, which serves training alone."""
    return {name: tensor for name, tensor in state.items() if not name.startswith(("fc.", "AuxLogits."))}

"""ResNet18: the last residual block (layer4) and the output layer are trained, the rest is frozen."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import nn
from torchvision.models import ResNet18_Weights
from torchvision.models import resnet18 as torchvision_resnet18

from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.preprocessing import IMAGENET, preprocessing
from synthpath_kedro.classifiers.seeding import seeded
from synthpath_kedro.classifiers.spec import ClassifierSpec
from synthpath_kedro.classifiers.weights import Published, State, load_weights
from synthpath_kedro.errors import InputError
from synthpath_kedro.hub import checksummed_file

VARIANT = "resnet18"
FEATURES = 512


def build(spec: ClassifierSpec) -> Classifier:
    """ResNet18 with the weights the parameters ask for and a new output layer.

    Raises:
        InputError: no such variant, or weights that cannot be used.
    """
    backbone = spec.backbone
    if backbone.variant != VARIANT:
        raise InputError(f"{spec.block.key('variant')} is {backbone.variant!r}; valid: {VARIANT}")
    with seeded(spec.seed, spec.name):
        network = _without_output()
    url = ResNet18_Weights.IMAGENET1K_V1.url
    published = Published("ImageNet", partial(checksummed_file, spec.block, url))
    weights = load_weights(network, spec, published, _drop_output)
    architecture = {"variant": backbone.variant, "input_size": backbone.input_size}
    with seeded(spec.seed, spec.name, spec.replicate):
        return _assemble(network, architecture, spec.class_names, weights)


def restore(architecture: Mapping[str, Any], class_names: tuple[str, ...]) -> Classifier:
    """ResNet18's layers as ``architecture`` describes them."""
    return _assemble(_without_output(), dict(architecture), class_names, weights="")


def _assemble(
    network: nn.Module, architecture: dict[str, Any], class_names: tuple[str, ...], weights: str
) -> Classifier:
    parts = dict(network.named_children())
    stem = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3")
    return Classifier(
        preprocessing(architecture["input_size"], IMAGENET),
        frozen=nn.Sequential(*(parts[name] for name in stem)),
        trained=nn.Sequential(parts["layer4"], parts["avgpool"], nn.Flatten()),
        output=nn.Linear(FEATURES, len(class_names)),
        architecture=architecture,
        weights=weights,
        class_names=class_names,
    )


def _without_output() -> nn.Module:
    network = torchvision_resnet18(weights=None)
    network.fc = nn.Identity()
    return network


def _drop_output(state: State) -> State:
    return {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}

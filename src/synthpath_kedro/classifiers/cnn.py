"""The study's CNN: two convolution blocks and a linear layer, trained from scratch."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.preprocessing import CENTERED, preprocessing
from synthpath_kedro.classifiers.seeding import seeded
from synthpath_kedro.classifiers.spec import ClassifierSpec
from synthpath_kedro.errors import InputError

CHANNELS = (32, 64)
DROPOUT = 0.25
VARIANT = "two_blocks"


def build(spec: ClassifierSpec) -> Classifier:
    """The CNN; every replicate starts from weights of its own.

    Raises:
        InputError: a variant other than two_blocks, or weights other than random.
    """
    backbone = spec.backbone
    if backbone.variant != VARIANT:
        raise InputError(f"{spec.block.key('variant')} is {backbone.variant!r}; valid: {VARIANT}")
    if backbone.weights != "random":
        raise InputError(
            f"{spec.block.key('weights')} is {backbone.weights!r}; valid: random (the CNN is trained from scratch)"
        )
    with seeded(spec.seed, spec.name, spec.replicate):
        return restore({"variant": backbone.variant, "input_size": backbone.input_size}, spec.class_names)


def restore(architecture: Mapping[str, Any], class_names: tuple[str, ...]) -> Classifier:
    """The CNN's layers as ``architecture`` describes them."""
    size = architecture["input_size"]
    final = size // 2 ** len(CHANNELS)
    blocks = [_block(*widths) for widths in zip((3, *CHANNELS[:-1]), CHANNELS, strict=True)]
    return Classifier(
        preprocessing(size, CENTERED),
        frozen=nn.Identity(),
        trained=nn.Sequential(*blocks, nn.Flatten()),
        output=nn.Linear(CHANNELS[-1] * final**2, len(class_names)),
        architecture=dict(architecture),
        weights="random",
        class_names=class_names,
    )


def _block(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Dropout(DROPOUT),
    )

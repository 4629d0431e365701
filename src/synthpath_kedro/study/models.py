"""Families of classifiers. A new one is a file with ``build`` and ``restore``, and a line here."""

from dataclasses import dataclass

from synthpath_kedro.study.table import Table


@dataclass(frozen=True)
class Family:
    """Where classifiers of one kind are built.

    Attributes:
        name: in the parameter ``classification.backbones.<model>.family``.
        label: in print.
        module: has ``build`` and ``restore``.
        has_frozen_backbone: whether a part of it is frozen, so that its output is worth storing.
    """

    name: str
    label: str
    module: str
    has_frozen_backbone: bool


_CLASSIFIERS = "synthpath_kedro.classifiers"

FAMILIES = Table(
    "family",
    Family("cnn", "CNN", f"{_CLASSIFIERS}.cnn", has_frozen_backbone=False),
    Family("resnet18", "ResNet18", f"{_CLASSIFIERS}.resnet18", has_frozen_backbone=True),
    Family("dinov2", "DINOv2", f"{_CLASSIFIERS}.dinov2", has_frozen_backbone=True),
    Family("clip", "CLIP", f"{_CLASSIFIERS}.clip", has_frozen_backbone=False),
    Family(
        "efficientnet_lite0",
        "EfficientNet-Lite0",
        f"{_CLASSIFIERS}.efficientnet_lite0",
        has_frozen_backbone=True,
    ),
)

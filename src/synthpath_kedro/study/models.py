"""Families of classifiers and feature extractors. A new one is a file with ``build`` and ``restore``, and a line here.

A new model of a family is no line at all: it is a block of ``classification.backbones`` in conf.
"""

from dataclasses import dataclass

from synthpath_kedro.study.table import Table

HEAD, LAST_BLOCK, ALL_WEIGHTS = "head", "last_block", "all"
TRAINED = (HEAD, LAST_BLOCK, ALL_WEIGHTS)
POOLINGS = ("class_token", "mean", "both")


def leaves_frozen(trained: str) -> bool:
    """Whether something stays frozen where ``trained`` is trained, so that its output is worth storing."""
    return trained != ALL_WEIGHTS


@dataclass(frozen=True)
class Family:
    """Where networks of one kind are built, and what of them can be chosen.

    Attributes:
        name: in the parameter ``classification.backbones.<model>.family``.
        label: in print.
        module: has ``build`` and ``restore``.
        variant: the architecture where the block names none; "" where it must.
        trained: the parts that can be trained (of ``TRAINED``), the default first.
        poolings: of ``POOLINGS``, those that can be chosen beside the network's own.
        has_check: its module has ``check(spec)`` too, which raises an InputError, before a run, for what it could not
            build.
        from_scratch: it has no published weights by design, so that random ones are no lack.
        reads_prompt: the parameter ``classification.prompt`` decides its weights.
        packaged: its published weights come with an installed package.
        torchvision_file: name of its published weights among torchvision's; "" for none.
    """

    name: str
    label: str
    module: str
    variant: str = ""
    trained: tuple[str, ...] = (ALL_WEIGHTS,)
    poolings: tuple[str, ...] = ()
    has_check: bool = False
    from_scratch: bool = False
    reads_prompt: bool = False
    packaged: bool = False
    torchvision_file: str = ""

    def has_frozen_backbone(self, trained: str | None = None) -> bool:
        """Whether a part stays frozen where ``trained`` is trained; None: the family's default."""
        return leaves_frozen(trained or self.trained[0])


_CLASSIFIERS = "synthpath_kedro.classifiers"

FAMILIES = Table(
    "family",
    Family("cnn", "CNN", f"{_CLASSIFIERS}.cnn", "two_blocks", from_scratch=True),
    Family(
        "resnet18",
        "ResNet18",
        f"{_CLASSIFIERS}.resnet18",
        "resnet18",
        trained=(LAST_BLOCK,),
        torchvision_file="resnet18-f37072fd.pth",
    ),
    Family("dinov2", "DINOv2", f"{_CLASSIFIERS}.dinov2", "vit_small_patch14_dinov2.lvd142m", trained=(LAST_BLOCK,)),
    Family("clip", "CLIP", f"{_CLASSIFIERS}.clip", "openai/clip-vit-base-patch32", reads_prompt=True),
    Family(
        "efficientnet_lite0",
        "EfficientNet-Lite0",
        f"{_CLASSIFIERS}.efficientnet_lite0",
        "tf_efficientnet_lite0",
        trained=(LAST_BLOCK,),
        packaged=True,
    ),
    Family(
        "inception",
        "Inception v3",
        f"{_CLASSIFIERS}.inception",
        "inception_v3",
        trained=(HEAD,),
        torchvision_file="inception_v3_google-0cc3c7bd.pth",
    ),
    Family("timm", "timm", f"{_CLASSIFIERS}.timm_family", trained=TRAINED, poolings=POOLINGS, has_check=True),
)

"""DINOv2: the last transformer block, the final norm and a linear layer on the class token are trained."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import timm
from jaxtyping import Float
from timm.layers import LayerScale
from timm.models.vision_transformer import Block, VisionTransformer, checkpoint_filter_fn
from torch import Tensor, nn

from synthpath_kedro.classifiers.class_token_block import ClassTokenBlock
from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.hub import hub_file
from synthpath_kedro.classifiers.preprocessing import IMAGENET, preprocessing
from synthpath_kedro.classifiers.seeding import seeded
from synthpath_kedro.classifiers.weights import Published, load_weights
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import ClassificationParameters

NAME = "dinov2"
STUDY_VARIANT = "vit_small_patch14_dinov2.lvd142m"
PATCH = 14


class TokensBeforeLastBlock(nn.Module):
    """A vision transformer up to its last block."""

    def __init__(self, vit: VisionTransformer) -> None:
        super().__init__()
        self.vit = vit
        self.vit.blocks = vit.blocks[:-1]
        self.vit.norm = nn.Identity()

    def forward(self, x: Float[Tensor, "batch 3 size size"]) -> Float[Tensor, "batch tokens width"]:
        return self.vit.forward_features(x)


def build(class_names: tuple[str, ...], params: ClassificationParameters, seed: int, replicate: int) -> Classifier:
    """DINOv2 with the weights the parameters ask for and a new linear layer.

    Raises:
        InputError: no such variant, an input size that patches do not tile, or weights that cannot be used.
    """
    backbone = params.backbone(NAME)
    architecture = {"variant": backbone.variant, "input_size": backbone.input_size}
    with seeded(seed, NAME):
        vit = _transformer(architecture)
    _undamp_layer_scale(vit)
    published = Published("LVD-142M", partial(_published_file, backbone.variant, backbone.revision))
    weights = load_weights(vit, NAME, backbone, published, partial(checkpoint_filter_fn, model=vit))
    with seeded(seed, NAME, replicate):
        return _assemble(vit, architecture, class_names, weights)


def restore(architecture: Mapping[str, Any], class_names: tuple[str, ...]) -> Classifier:
    """DINOv2's layers as ``architecture`` describes them."""
    return _assemble(_transformer(architecture), dict(architecture), class_names, weights="")


def _transformer(architecture: Mapping[str, Any]) -> VisionTransformer:
    variant, size = architecture["variant"], architecture["input_size"]
    valid = ["small", *timm.list_models("vit_*dinov2"), *timm.list_models("vit_*dinov2", pretrained=True)]
    if variant not in valid:
        raise InputError(f"classification.dinov2.variant is {variant!r}; valid: {', '.join(valid)}")
    if size % PATCH:
        raise InputError(f"classification.dinov2.input_size is {size}; valid: multiples of the patch size {PATCH}")
    if variant == "small":
        return VisionTransformer(
            img_size=size, patch_size=PATCH, embed_dim=192, depth=4, num_heads=3, init_values=1e-5, num_classes=0
        )
    return cast(VisionTransformer, timm.create_model(variant, pretrained=False, img_size=size, num_classes=0))


def _undamp_layer_scale(vit: VisionTransformer) -> None:
    """With the 1e-5 that training starts from, a random transformer gives the same features for every image."""
    for module in vit.modules():
        if isinstance(module, LayerScale):
            nn.init.ones_(module.gamma)


def _published_file(variant: str, revision: str | None) -> Path:
    config = timm.get_pretrained_cfg(variant, allow_unregistered=True)
    if config is None or not config.hf_hub_id:
        raise InputError(
            f"classification.dinov2.weights is 'pretrained', but variant {variant!r} has no published weights; "
            f"valid: classification.dinov2.variant={STUDY_VARIANT}, or weights=random"
        )
    return hub_file(NAME, config.hf_hub_id, "model.safetensors", revision)


def _assemble(
    vit: VisionTransformer, architecture: dict[str, Any], class_names: tuple[str, ...], weights: str
) -> Classifier:
    last_block = ClassTokenBlock(cast(Block, vit.blocks[-1]), vit.norm)
    return Classifier(
        preprocessing(architecture["input_size"], IMAGENET),
        frozen=TokensBeforeLastBlock(vit),
        trained=last_block,
        output=nn.Linear(vit.embed_dim, len(class_names)),
        architecture=architecture,
        weights=weights,
        class_names=class_names,
    )

"""DINOv2: the last transformer block, the final norm and a linear layer on the class token are trained."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import timm
from jaxtyping import Float
from timm.models.vision_transformer import Block, VisionTransformer, checkpoint_filter_fn
from torch import Tensor, nn

from synthpath_kedro.classifiers.class_token_block import ClassTokenBlock
from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.layer_scale import undamp_layer_scale
from synthpath_kedro.classifiers.preprocessing import IMAGENET, preprocessing
from synthpath_kedro.classifiers.seeding import seeded
from synthpath_kedro.classifiers.spec import ClassifierSpec
from synthpath_kedro.classifiers.weights import Published, load_weights
from synthpath_kedro.errors import InputError
from synthpath_kedro.hub import hub_file

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


def build(spec: ClassifierSpec) -> Classifier:
    """DINOv2 with the weights the parameters ask for and a new linear layer.

    Raises:
        InputError: no such variant, an input size that patches do not tile, or weights that cannot be used.
    """
    backbone = spec.backbone
    _check(spec)
    architecture = {"variant": backbone.variant, "input_size": backbone.input_size}
    with seeded(spec.seed, spec.name):
        vit = _transformer(architecture)
    undamp_layer_scale(vit)
    published = Published("LVD-142M", partial(_published_file, spec))
    weights = load_weights(vit, spec, published, partial(checkpoint_filter_fn, model=vit))
    with seeded(spec.seed, spec.name, spec.replicate):
        classifier = _assemble(vit, architecture, spec.class_names, weights)
    if backbone.weights == "pretrained":
        config = timm.get_pretrained_cfg(backbone.variant)
        classifier.license = "" if config is None else config.license or ""
    return classifier


def restore(architecture: Mapping[str, Any], class_names: tuple[str, ...]) -> Classifier:
    """DINOv2's layers as ``architecture`` describes them."""
    return _assemble(_transformer(architecture), dict(architecture), class_names, weights="")


def _check(spec: ClassifierSpec) -> None:
    variant, size = spec.backbone.variant, spec.backbone.input_size
    valid = ["small", *timm.list_models("vit_*dinov2"), *timm.list_models("vit_*dinov2", pretrained=True)]
    if variant not in valid:
        raise InputError(f"{spec.block.key('variant')} is {variant!r}; valid: {', '.join(valid)}")
    if size % PATCH:
        raise InputError(f"{spec.block.key('input_size')} is {size}; valid: multiples of the patch size {PATCH}")


def _transformer(architecture: Mapping[str, Any]) -> VisionTransformer:
    variant, size = architecture["variant"], architecture["input_size"]
    if variant == "small":
        return VisionTransformer(
            img_size=size, patch_size=PATCH, embed_dim=192, depth=4, num_heads=3, init_values=1e-5, num_classes=0
        )
    return cast(VisionTransformer, timm.create_model(variant, pretrained=False, img_size=size, num_classes=0))


def _published_file(spec: ClassifierSpec) -> Path:
    variant = spec.backbone.variant
    config = timm.get_pretrained_cfg(variant, allow_unregistered=True)
    if config is None or not config.hf_hub_id:
        raise InputError(
            f"{spec.block.key('weights')} is 'pretrained', but variant {variant!r} has no published weights; "
            f"valid: {spec.block.key('variant')}={STUDY_VARIANT}, or weights=random"
        )
    return hub_file(spec.block, config.hf_hub_id, "model.safetensors", spec.backbone.revision)


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

"""CLIP: the vision encoder is trained against the frozen text encoder's embeddings of the class names."""

from collections.abc import Mapping
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPConfig, CLIPModel, CLIPVisionConfig, CLIPVisionModelWithProjection

from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.clip_text import text_embeddings, tokenizer_of
from synthpath_kedro.classifiers.preprocessing import CLIP, preprocessing
from synthpath_kedro.classifiers.seeding import seeded
from synthpath_kedro.classifiers.spec import ClassifierSpec
from synthpath_kedro.classifiers.weights import Published, State, load_weights, locate
from synthpath_kedro.errors import InputError
from synthpath_kedro.hub import hub_file

STUDY_VARIANT = "openai/clip-vit-base-patch32"
_SMALL = {
    "vision_config": {
        "hidden_size": 192,
        "intermediate_size": 768,
        "num_hidden_layers": 4,
        "num_attention_heads": 3,
        "patch_size": 16,
    },
    "text_config": {"hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 2, "num_attention_heads": 2},
    "projection_dim": 128,
}
_HUB_FILES = ("config.json", "vocab.json", "merges.txt", "tokenizer_config.json", "model.safetensors")


class VisionEncoder(nn.Module):
    """CLIP's vision transformer and the projection into the space it shares with the text."""

    def __init__(self, network: CLIPModel | CLIPVisionModelWithProjection) -> None:
        super().__init__()
        self.vision_model, self.projection = network.vision_model, network.visual_projection

    def forward(self, x: Float[Tensor, "batch 3 size size"]) -> Float[Tensor, "batch embedding"]:
        return F.normalize(self.projection(self.vision_model(pixel_values=x).pooler_output), dim=-1)


class TextSimilarity(nn.Module):
    """Logits: scaled cosine similarity of image embeddings to the class names' embeddings. Nothing here is trained."""

    text_embeddings: Tensor
    logit_scale: Tensor

    def __init__(self, embeddings: Float[Tensor, "classes embedding"], logit_scale: Float[Tensor, ""]) -> None:
        super().__init__()
        self.register_buffer("text_embeddings", embeddings)
        self.register_buffer("logit_scale", logit_scale)

    def forward(self, image_embeddings: Float[Tensor, "batch embedding"]) -> Float[Tensor, "batch classes"]:
        return self.logit_scale.exp() * image_embeddings @ self.text_embeddings.T


def build(spec: ClassifierSpec) -> Classifier:
    """CLIP with the weights the parameters ask for; without a new layer, replicates differ in data order alone.

    Raises:
        InputError: no such variant, an input size that patches do not tile, or weights that cannot be used.
    """
    backbone = spec.backbone
    published = Published("OpenAI WIT", partial(_published_file, spec))
    path = locate(spec, published)
    folder = None if path is None else path.parent
    config = _configuration(spec, folder)
    with seeded(spec.seed, spec.name):
        network = CLIPModel(config)
    weights = load_weights(network, spec, published, partial(_fit_positions, network=network))
    embeddings = text_embeddings(network, tokenizer_of(folder), spec.prompt, spec.class_names)
    architecture = {"variant": backbone.variant, "input_size": backbone.input_size, "vision": _vision(config)}
    scale = network.logit_scale.detach().clone()
    return _assemble(network, architecture, spec.class_names, weights, embeddings, scale)


def restore(architecture: Mapping[str, Any], class_names: tuple[str, ...]) -> Classifier:
    """CLIP's vision layers as ``architecture`` describes them."""
    config = CLIPVisionConfig(**architecture["vision"])
    embeddings = torch.zeros(len(class_names), config.projection_dim)
    network = CLIPVisionModelWithProjection(config)
    return _assemble(network, dict(architecture), class_names, "", embeddings, torch.zeros(()))


def _assemble(
    network: CLIPModel | CLIPVisionModelWithProjection,
    architecture: dict[str, Any],
    class_names: tuple[str, ...],
    weights: str,
    embeddings: Tensor,
    logit_scale: Tensor,
) -> Classifier:
    return Classifier(
        preprocessing(architecture["input_size"], CLIP),
        frozen=nn.Identity(),
        trained=VisionEncoder(network),
        output=TextSimilarity(embeddings, logit_scale),
        architecture=architecture,
        weights=weights,
        class_names=class_names,
        zero_shot=True,
    )


def _configuration(spec: ClassifierSpec, folder: Path | None) -> CLIPConfig:
    """A known variant's configuration, else the one beside the weights, for the input size asked for."""
    backbone, size = spec.backbone, spec.backbone.input_size
    if backbone.variant == "small":
        settings: dict[str, Any] = deepcopy(_SMALL)
    elif backbone.variant == STUDY_VARIANT:
        settings = CLIPConfig().to_dict()
    elif folder is not None and (folder / "config.json").is_file():
        settings = CLIPConfig.from_json_file(folder / "config.json").to_dict()
    else:
        raise InputError(
            f"{spec.block.key('variant')} is {backbone.variant!r}, whose layers are not known without a config.json "
            f"beside its weights; valid without one: {STUDY_VARIANT}, small"
        )
    settings["vision_config"]["image_size"] = size
    patch = settings["vision_config"]["patch_size"]
    if size % patch:
        raise InputError(f"{spec.block.key('input_size')} is {size}; valid: multiples of the patch size {patch}")
    return CLIPConfig(**settings)


def _vision(config: CLIPConfig) -> dict[str, Any]:
    """What decides the layers of the vision half."""
    names = (
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "image_size",
        "patch_size",
        "hidden_act",
        "layer_norm_eps",
    )
    vision = {name: getattr(config.vision_config, name) for name in names}
    return {**vision, "projection_dim": config.projection_dim}


def _published_file(spec: ClassifierSpec) -> Path:
    backbone = spec.backbone
    if backbone.variant == "small":
        raise InputError(
            f"{spec.block.key('weights')} is 'pretrained', but variant 'small' has no published weights; "
            f"valid: {spec.block.key('variant')}={STUDY_VARIANT}, or weights=random"
        )
    paths = [hub_file(spec.block, backbone.variant, name, backbone.revision) for name in _HUB_FILES]
    return paths[-1]


def _fit_positions(state: State, network: CLIPModel) -> State:
    """Drops indices that older files hold and resamples the position embeddings to the input size."""
    fitted = {name: tensor for name, tensor in state.items() if not name.endswith("position_ids")}
    name = "vision_model.embeddings.position_embedding.weight"
    expected = network.state_dict()[name]
    if fitted[name].shape[1:] == expected.shape[1:] and len(fitted[name]) != len(expected):
        fitted[name] = _resampled(fitted[name], len(expected))
    return fitted


def _resampled(positions: Float[Tensor, "old width"], n_positions: int) -> Float[Tensor, "new width"]:
    class_position, patches = positions[:1], positions[1:]
    old, new = (round(n**0.5) for n in (len(patches), n_positions - 1))
    grid = patches.T.reshape(1, -1, old, old)
    grid = F.interpolate(grid, (new, new), mode="bicubic", antialias=True, align_corners=False)
    return torch.cat([class_position, grid.reshape(patches.shape[1], -1).T])

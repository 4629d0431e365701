"""Any network of timm's: by name, from the hub or from a folder; a pathology encoder is one of them."""

import sys
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import timm
import torch
from torch import nn

from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.layer_scale import undamp_layer_scale
from synthpath_kedro.classifiers.preprocessing import Moments, preprocessing
from synthpath_kedro.classifiers.seeding import seeded
from synthpath_kedro.classifiers.spec import ClassifierSpec
from synthpath_kedro.classifiers.timm_model import HUB, TimmModel, find_model
from synthpath_kedro.classifiers.timm_parts import has_class_token, has_last_block, has_tokens, split
from synthpath_kedro.classifiers.weights import State, load_weights
from synthpath_kedro.errors import InputError
from synthpath_kedro.study.models import LAST_BLOCK


def build(spec: ClassifierSpec) -> Classifier:
    """The network with the weights the parameters ask for and a new linear layer on its pooled features.

    Raises:
        InputError: no such architecture, a part or pooling it does not have, or weights that cannot be used.
    """
    found = find_model(spec)
    with seeded(spec.seed, spec.name):
        network = _checked_network(spec, found)
    undamp_layer_scale(network)
    weights = load_weights(network, spec, found.published, partial(_to_network, network=network))
    architecture = {
        "variant": found.label,
        "input_size": spec.backbone.input_size,
        "architecture": found.architecture,
        "model_args": found.model_args,
        "mean": list(found.mean),
        "std": list(found.std),
        "trained": spec.backbone.trained_part,
        "pooling": spec.backbone.pooling,
    }
    with seeded(spec.seed, spec.name, spec.replicate):
        classifier = _assemble(network, architecture, spec.class_names)
    classifier.weights, classifier.license, classifier.revision = weights, found.license, found.revision
    return classifier


def restore(architecture: Mapping[str, Any], class_names: tuple[str, ...]) -> Classifier:
    """The network's layers as ``architecture`` describes them."""
    network = _network(architecture["architecture"], architecture["model_args"], architecture["input_size"])
    return _assemble(network, dict(architecture), class_names)


def check(spec: ClassifierSpec) -> None:
    """Checks before a run what needs neither the hub nor the weights.

    Raises:
        InputError: no such architecture or folder, or a part, pooling or input size that it does not have.
    """
    if spec.backbone.variant.startswith(HUB):
        return
    found = find_model(spec)
    with torch.device("meta"):
        _checked_network(spec, found)


def _assemble(network: nn.Module, architecture: dict[str, Any], class_names: tuple[str, ...]) -> Classifier:
    width = cast(int, getattr(network, "head_hidden_size", None) or network.num_features)
    features = 2 * width if architecture["pooling"] == "both" else width
    frozen, trained = split(network, architecture["trained"], architecture["pooling"])
    moments = cast(Moments, (tuple(architecture["mean"]), tuple(architecture["std"])))
    return Classifier(
        preprocessing(architecture["input_size"], moments),
        frozen=frozen,
        trained=trained,
        output=nn.Linear(features, len(class_names)),
        architecture=architecture,
        weights="",
        class_names=class_names,
    )


def _checked_network(spec: ClassifierSpec, found: TimmModel) -> nn.Module:
    backbone, key = spec.backbone, spec.block.key
    try:
        network = _network(found.architecture, found.model_args, backbone.input_size)
    except (TypeError, ValueError, AssertionError, RuntimeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise InputError(
            f"{key('variant')}: timm cannot build {found.architecture} at {key('input_size')}={backbone.input_size} "
            f"with {key('model_args')}={found.model_args} ({reason})"
        ) from error
    patch = _patch_size(network)
    if patch and backbone.input_size % patch:
        raise InputError(f"{key('input_size')} is {backbone.input_size}; valid: multiples of the patch size {patch}")
    if backbone.trained_part == LAST_BLOCK and not has_last_block(network):
        raise InputError(
            f"{key('trained')} is 'last_block', and where {found.architecture} can be split is not known; "
            "valid: head, all"
        )
    if backbone.pooling is not None and (problem := _pooling_problem(network, backbone.pooling)):
        raise InputError(f"{key('pooling')} is {backbone.pooling!r}, and {found.architecture} {problem}")
    return network


def _pooling_problem(network: nn.Module, pooling: str) -> str:
    if not has_tokens(network):
        return "has no tokens; valid: null (its own global pooling)"
    if pooling != "mean" and not has_class_token(network):
        return "has no class token; valid: null, mean"
    return ""


def _patch_size(network: nn.Module) -> int:
    size = getattr(getattr(network, "patch_embed", None), "patch_size", None)
    return int(size[0] if isinstance(size, tuple) else size or 0) if has_tokens(network) else 0


def _network(architecture: str, model_args: Mapping[str, Any], input_size: int) -> nn.Module:
    """The layers without an output layer, for that input size where the architecture depends on it."""
    args = {"num_classes": 0, **model_args}
    if isinstance(args.get("mlp_layer"), str):
        args["mlp_layer"] = getattr(timm.layers, args["mlp_layer"])
    try:
        return cast(nn.Module, timm.create_model(architecture, img_size=input_size, **args))
    except TypeError:  # convolutional networks take any size, and no such argument
        return cast(nn.Module, timm.create_model(architecture, **args))


def _to_network(state: State, network: nn.Module) -> State:
    """Other names and sizes as timm's own loading adapts them, and without the output layer."""
    adapt = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    adapted = state if adapt is None else adapt(state, network)
    classifiers = cast(dict[str, Any], network.pretrained_cfg).get("classifier") or ()
    classifiers = (classifiers,) if isinstance(classifiers, str) else tuple(classifiers)
    known = network.state_dict()
    return {
        name: tensor
        for name, tensor in adapted.items()
        if name in known or not name.startswith(tuple(f"{one}." for one in classifiers))
    }

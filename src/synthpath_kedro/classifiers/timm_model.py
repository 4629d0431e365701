"""What is known of a model of timm's before it is built: by name, on the hub, or in a folder of the hub's layout."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import timm
import yaml
from timm.models import is_model, split_model_name_tag

from synthpath_kedro.classifiers.preprocessing import IMAGENET
from synthpath_kedro.classifiers.spec import ClassifierSpec
from synthpath_kedro.classifiers.weight_files import CONFIGURATION, FILENAMES, local_weights
from synthpath_kedro.classifiers.weights import Published
from synthpath_kedro.errors import InputError
from synthpath_kedro.hub import REVISIONS, cached_hub_file, commit_of, first_hub_file

HUB = "hf-hub:"
README = "README.md"


@dataclass(frozen=True)
class TimmModel:
    """One model of timm's.

    Attributes:
        architecture: timm's name, without a tag.
        label: what tables call it.
        model_args: keyword arguments of the architecture.
        mean: of each channel, in [0, 1].
        std: of each channel.
        license: of the weights; "" where it is not said.
        revision: commit that was downloaded; "" where nothing was.
        published: its published weights.
    """

    architecture: str
    label: str
    model_args: dict[str, Any]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    license: str
    revision: str
    published: Published


def find_model(spec: ClassifierSpec) -> TimmModel:
    """The model that the variant names: a name of timm's, "hf-hub:owner/name", or a folder.

    A config.json beside the weights, where ``weights`` is a folder, goes before the variant's: a copy of a gated
    repository needs no hub.

    Raises:
        InputError: timm has no such name, there is no such folder, or the hub does not give it.
    """
    variant, weights = spec.backbone.variant, Path(spec.backbone.weights).expanduser()
    if (weights / CONFIGURATION).is_file():
        return _in_folder(spec, weights)
    if variant.startswith(HUB):
        return _on_hub(spec, variant.removeprefix(HUB))
    if is_folder(variant):
        return _in_folder(spec, Path(variant).expanduser())
    return _by_name(spec)


def is_folder(variant: str) -> bool:
    """Whether a variant is a path, not a name of timm's."""
    return "/" in variant or (not is_model(split_model_name_tag(variant)[0]) and Path(variant).is_dir())


def _by_name(spec: ClassifierSpec) -> TimmModel:
    variant = spec.backbone.variant
    check_name(variant, spec.block.key("variant"))
    config = timm.get_pretrained_cfg(variant)
    facts = {} if config is None else config.to_dict()
    tag = "" if config is None else config.tag or ""

    def fetch() -> Path:
        if config is None or not config.hf_hub_id:
            raise InputError(
                f"{spec.block.key('weights')} is 'pretrained', but timm has no published weights of {variant!r} on the "
                f"hub; valid: another {spec.block.key('variant')}, a file or folder, or weights=random"
            )
        names = FILENAMES
        if config.hf_hub_filename:
            names = (str(Path(config.hf_hub_filename).with_suffix(".safetensors")), config.hf_hub_filename)
        return first_hub_file(spec.block, config.hf_hub_id, names, _revision(spec, config.hf_hub_id))

    return _described(spec, split_model_name_tag(variant)[0], variant, {}, facts, Published(tag or "timm", fetch))


def check_name(variant: str, key: str) -> None:
    """Checks that timm has an architecture, and weights, of that name.

    Raises:
        InputError: it has not; names the nearest.
    """
    name, tag = split_model_name_tag(variant)
    tagged = timm.list_models(pretrained=True)
    if is_model(name) and (not tag or variant in tagged):
        return
    known = [one for one in tagged if one.startswith(f"{name}.")] if is_model(name) else timm.list_models()
    found = get_close_matches(variant if tag and is_model(name) else name, known, n=3) or known[:3]
    raise InputError(
        f"{key} is {variant!r}, which timm {timm.__version__} does not have; nearest: {', '.join(found)}; valid too: "
        "hf-hub:owner/name, or a folder with config.json and model.safetensors"
    )


def _on_hub(spec: ClassifierSpec, repository: str) -> TimmModel:
    revision = _revision(spec, repository)
    # Its layers are in its config.json, so that random weights need the hub too.
    block = replace(spec.block, needs_no_download=f"{spec.block.key('variant')}=<a name of timm's> with weights=random")
    is_new = cached_hub_file(repository, CONFIGURATION, revision) is None
    path = first_hub_file(block, repository, (CONFIGURATION,), revision)
    if is_new:
        with suppress(InputError):  # a repository need not have one
            first_hub_file(block, repository, (README,), revision)
    published = Published(repository, lambda: first_hub_file(block, repository, FILENAMES, revision))
    return _configured(spec, path, repository, published)


def _in_folder(spec: ClassifierSpec, folder: Path) -> TimmModel:
    path = folder / CONFIGURATION
    if not path.is_file():
        problem = f"has no {CONFIGURATION}" if folder.is_dir() else "is no folder"
        raise InputError(
            f"{spec.block.key('variant')} is {spec.backbone.variant!r}, which {problem}; valid: an architecture's name "
            "in timm, hf-hub:owner/name, or a folder with config.json and model.safetensors"
        )
    published = Published(f"file:{folder.name}", lambda: local_weights(str(folder), spec.block))
    variant = spec.backbone.variant
    found = _configured(spec, path, variant.removeprefix(HUB) if variant.startswith(HUB) else "", published)
    if not variant.startswith(HUB) and not is_folder(variant):
        check_name(variant, spec.block.key("variant"))
        if split_model_name_tag(variant)[0] != found.architecture:
            raise InputError(
                f"{spec.block.key('variant')} is {variant!r}, and {path} is of {found.architecture}; "
                "give the folder of that variant, or the variant of that folder"
            )
    return found


def _configured(spec: ClassifierSpec, path: Path, label: str, published: Published) -> TimmModel:
    """From a config.json in the hub's layout; older ones have everything at the top."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        architecture = split_model_name_tag(config["architecture"])[0]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{spec.block.key('variant')}: {path} is no config.json of timm's ({type(error).__name__}: {error}); "
            "timm.models.save_for_hf writes one"
        ) from error
    check_name(architecture, f"{path}: architecture")
    facts = config.get("pretrained_cfg", config)
    facts = {**facts, "license": facts.get("license") or license_in(path.parent / README), "commit": commit_of(path)}
    return _described(spec, architecture, label or architecture, config.get("model_args", {}), facts, published)


def _described(
    spec: ClassifierSpec,
    architecture: str,
    label: str,
    model_args: Mapping[str, Any],
    facts: Mapping[str, Any],
    published: Published,
) -> TimmModel:
    weights = spec.backbone.weights
    # Of the user's own file nothing is known but what a config.json beside it says.
    is_theirs = weights == "pretrained" or (Path(weights).expanduser() / CONFIGURATION).is_file()
    own = {key: value for key, value in model_args.items() if key not in ("img_size", "num_classes")}
    return TimmModel(
        architecture,
        label,
        {**own, **spec.backbone.model_args},
        tuple(facts.get("mean") or IMAGENET[0]),
        tuple(facts.get("std") or IMAGENET[1]),
        facts.get("license") or "" if is_theirs else "",
        facts.get("commit", "") if is_theirs else "",
        published,
    )


def license_in(readme: Path) -> str:
    """The license in the YAML that a model's README begins with; "" where there is none."""
    if not readme.is_file():
        return ""
    parts = readme.read_text(encoding="utf-8", errors="replace").split("---", 2)
    if len(parts) < 3 or parts[0].strip():
        return ""
    try:
        head = yaml.safe_load(parts[1])
    except yaml.YAMLError:
        return ""
    if not isinstance(head, Mapping):
        return ""
    return str((head.get("license_name") if head.get("license") == "other" else None) or head.get("license") or "")


def _revision(spec: ClassifierSpec, repository: str) -> str:
    return spec.backbone.revision or REVISIONS.get(repository) or "main"

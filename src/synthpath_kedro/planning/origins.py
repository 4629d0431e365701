"""Where the data and the first weights of each model come from: at hand, to be downloaded, or nowhere."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from synthpath_kedro import hub
from synthpath_kedro.classifiers.spec import ClassifierSpec
from synthpath_kedro.classifiers.weight_files import CONFIGURATION, FILENAMES, local_weights, weights_in
from synthpath_kedro.data.sources import DEFAULT_MEDMNIST
from synthpath_kedro.data.sources.medmnist_info import info_of
from synthpath_kedro.errors import InputError
from synthpath_kedro.hub import REVISIONS, cached_hub_file
from synthpath_kedro.parameters import BackboneParameters, DataPrepParameters, Parameters
from synthpath_kedro.study.models import FAMILIES

_HUB = "hf-hub:"

is_reachable = cache(hub.is_reachable)
"""Whether anything answers at a URL; asked once per address."""


@dataclass(frozen=True)
class Origin:
    """Where one thing that a study needs comes from.

    Attributes:
        name: "data", or whose weights they are.
        status: random, rendered, packaged, own module, cached, file, to download or missing.
        place: the file, the repository or the host; empty where there is none to name.
        problem: why it cannot be had; empty where nothing is known against them.
    """

    name: str
    status: str
    place: str = ""
    problem: str = ""


def locate_weights(parameters: Parameters) -> tuple[Origin, ...]:
    """Where the weights of every model of the study, and of the extractor of features, come from."""
    study = parameters.classification
    models = dict.fromkeys([*study.models, *filter(None, [study.confidence_filtering.model])])
    extractor = ClassifierSpec.of_extractor(parameters.evaluation.features)
    found = [locate(model, ClassifierSpec.of_model(model, ("any",), study, parameters.seed)) for model in models]
    return (*found, locate(f"extractor {extractor.name}", extractor))


def locate_data(params: DataPrepParameters, raw_folder: Path) -> Origin:
    """Where the real images come from.

    Args:
        params: the block ``data_prep``.
        raw_folder: where downloads of the environment lie.
    """
    if params.source == "phantom":
        return Origin("data", "rendered")
    path = Path(params.path).expanduser() if params.path else None
    if params.source != "medmnist":
        return Origin("data", "file" if path and path.exists() else "missing", str(path or ""))
    name, size = (params.name or DEFAULT_MEDMNIST).lower(), params.download_size
    key = "" if size == 28 else f"_{size}"
    file = path if path and path.suffix == ".npz" else (path or raw_folder) / f"{name}{key}.npz"
    if file.exists():
        return Origin("data", "cached", str(file))
    url = info_of(name)[f"url{key}"]
    if is_reachable(url):
        return Origin("data", "to download", urlsplit(url).netloc)
    problem = (
        f"data: {file} is not there and {urlsplit(url).netloc} cannot be reached; set data_prep.path to a folder that "
        "holds the file, or data_prep.source to npz, image_folder or phantom"
    )
    return Origin("data", "missing", urlsplit(url).netloc, problem)


def locate(name: str, spec: ClassifierSpec) -> Origin:
    """Where the weights of one network come from.

    Args:
        name: what to call it.
        spec: the network.
    """
    backbone = spec.backbone
    if backbone.weights == "random":
        return Origin(name, "random")
    if backbone.weights != "pretrained":
        return _own_file(name, spec)
    if backbone.module is not None:
        return Origin(name, "own module", backbone.module)
    family = FAMILIES[str(backbone.family)]
    if family.packaged:
        return Origin(name, "packaged")
    if family.torchvision_file:
        return _from_torchvision(name, family.torchvision_file)
    return _from_hub(name, backbone)


def configuration_is_at_hand(backbone: BackboneParameters) -> bool:
    """Whether the network can be built without asking the hub what its layers are."""
    if not backbone.variant.startswith(_HUB) or (Path(backbone.weights).expanduser() / CONFIGURATION).is_file():
        return True
    repository = backbone.variant.removeprefix(_HUB)
    return cached_hub_file(repository, CONFIGURATION, _revision(backbone, repository)) is not None


def _own_file(name: str, spec: ClassifierSpec) -> Origin:
    weights = spec.backbone.weights
    try:
        return Origin(name, "file", str(local_weights(weights, spec.block)))
    except InputError as error:
        return Origin(name, "missing", weights, str(error))


def _from_torchvision(name: str, filename: str) -> Origin:
    import torch

    path = Path(torch.hub.get_dir()) / "checkpoints" / filename
    if path.exists():
        return Origin(name, "cached", str(path))
    return _download(name, "https://download.pytorch.org", "download.pytorch.org")


def _from_hub(name: str, backbone: BackboneParameters) -> Origin:
    import huggingface_hub

    if (folder := Path(backbone.variant).expanduser()).is_dir():
        return Origin(name, "file", str(weights_in(folder) or folder))
    repository = hub_repository(backbone.variant)
    if repository is None:
        problem = (
            f"weights of {name}: variant {backbone.variant} has no published weights; give a file or folder, or random"
        )
        return Origin(name, "missing", "", problem)
    for filename in FILENAMES:
        if (found := cached_hub_file(repository, filename, _revision(backbone, repository))) is not None:
            return Origin(name, "cached", str(found))
    endpoint = huggingface_hub.constants.ENDPOINT
    place = f"{repository} on {endpoint.removeprefix('https://')}"
    return _unreachable(name, place) if huggingface_hub.constants.HF_HUB_OFFLINE else _download(name, endpoint, place)


def _revision(backbone: BackboneParameters, repository: str) -> str:
    return backbone.revision or REVISIONS.get(repository) or "main"


def hub_repository(variant: str) -> str | None:
    """The repository that holds a variant's weights: its own name, or the one timm knows; None: none is known."""
    if variant.startswith(_HUB):
        return variant.removeprefix(_HUB)
    if "/" in variant:
        return variant
    import timm

    config = timm.get_pretrained_cfg(variant, allow_unregistered=True)
    return config.hf_hub_id if config is not None and config.hf_hub_id else None


def _download(name: str, address: str, place: str) -> Origin:
    return Origin(name, "to download", place) if is_reachable(address) else _unreachable(name, place)


def _unreachable(name: str, place: str) -> Origin:
    problem = (
        f"weights of {name}: {place} cannot be reached and they are not in the cache; give weights a file or folder, "
        "or random, or fill the cache (HF_HOME, TORCH_HOME), or set HTTPS_PROXY"
    )
    return Origin(name, "missing", place, problem)

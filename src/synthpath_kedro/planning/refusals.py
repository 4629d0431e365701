"""Why a study would stop."""

from collections.abc import Callable
from pathlib import Path

from synthpath_kedro.checks import check_settings
from synthpath_kedro.classifiers.checks import check_backbones
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import Parameters
from synthpath_kedro.planning.images import ImageCounts
from synthpath_kedro.study.generators import GENERATORS
from synthpath_kedro.study.loggers import check_logger


def find_refusals(parameters: Parameters, images: ImageCounts | None) -> list[str]:
    """What the study would be refused for, one line each, as far as parameters and file names tell."""
    checks: list[Callable[[], None]] = [
        lambda: _check_paths(parameters),
        lambda: _check_medmnist(parameters),
        lambda: check_logger(parameters.training.logger),
        lambda: check_backbones(parameters),
        lambda: _check_sampling(parameters),
        lambda: check_settings(parameters),
        lambda: _check_attacks(parameters, images),
    ]
    return [message for check in checks if (message := refusal_of(check))]


def refusal_of(check: Callable[[], object]) -> str | None:
    """The message of the ``InputError`` that ``check`` raises, if it does."""
    try:
        check()
    except InputError as error:
        return " ".join(str(error).split())
    return None


def _check_paths(parameters: Parameters) -> None:
    source, path = parameters.data_prep.source, parameters.data_prep.path
    if source not in ("npz", "image_folder"):
        return
    if path is None:
        raise InputError(f"data_prep.path is null; source {source} reads images: give their path")
    if not Path(path).expanduser().exists():
        raise InputError(f"data_prep.path: {path} does not exist; give the folder or file of the images")


def _check_medmnist(parameters: Parameters) -> None:
    from synthpath_kedro.data.sources import DEFAULT_MEDMNIST
    from synthpath_kedro.data.sources.medmnist_info import info_of

    if parameters.data_prep.source != "medmnist":
        return
    name = (parameters.data_prep.name or DEFAULT_MEDMNIST).lower()
    if info_of(name)["task"].startswith("multi-label"):
        raise InputError(f"data_prep.name {name} is multi-label and training takes one label per image: choose another")


def _check_sampling(parameters: Parameters) -> None:
    from synthpath_kedro.diffusion.synthesis import check_sampling

    if any(GENERATORS[one.source].needs_denoiser for one in parameters.synthesis.synthetic_sets.values()):
        check_sampling(parameters.synthesis, parameters.diffusion)


def _check_attacks(parameters: Parameters, images: ImageCounts | None) -> None:
    from synthpath_kedro.metrics.robustness import check_attacks

    if images and images.n_classes:
        check_attacks(parameters.evaluation.attacks, images.n_classes)

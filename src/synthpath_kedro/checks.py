"""What can be refused before anything is trained: settings before a run begins, content as soon as data is prepared."""

from pathlib import Path

from synthpath_kedro.data.artifact import Card
from synthpath_kedro.data.data_card import DataCard
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import Parameters
from synthpath_kedro.study.generators import GENERATORS, Generator
from synthpath_kedro.study.grid import Grid
from synthpath_kedro.study.loggers import check_logger


def check_settings(parameters: Parameters) -> None:
    """Refuses settings that do not go together, and paths that do not exist; reads no data.

    Raises:
        InputError: names the parameter, its value and what is valid.
    """
    from synthpath_kedro.classifiers.checks import check_backbones

    check_logger(parameters.training.logger)
    check_backbones(parameters)
    _check_denoisers(parameters)
    _check_start(parameters)
    for name, one in parameters.synthesis.synthetic_sets.items():
        generator = GENERATORS[one.source]
        if generator.needs_denoiser:
            from synthpath_kedro.diffusion.synthesis import check_sampling

            check_sampling(parameters.synthesis, parameters.diffusion)
            _check_latents(parameters)
        if one.path is not None:
            _check_path(parameters.synthesis.path_parameter(name), Path(one.path).expanduser(), generator)
        if generator.phantom_only and parameters.data_prep.source != "phantom":
            raise InputError(
                f"synthesis source {one.source} of set {name} is for data_prep.source phantom alone, which is "
                f"{parameters.data_prep.source}; valid: {', '.join(g for g in GENERATORS if g != one.source)}"
            )


def check_cross_validation(parameters: Parameters) -> None:
    """Refuses a cross-validation without a generator that can be trained on the images of a fold.

    Raises:
        InputError: every synthetic set was made elsewhere.
    """
    sets = parameters.synthesis.synthetic_sets
    if all(GENERATORS[one.source].needs_path for one in sets.values()):
        made = ", ".join(f"{name} ({one.source})" for name, one in sets.items())
        raise InputError(
            f"cross_validation trains the generator again in each fold, and these synthetic sets were made elsewhere, "
            f"maybe from the images that a fold holds out: {made}; use synthesis.source=diffusion, or kedro run "
            "--pipeline=learning_curve"
        )


def check_data(parameters: Parameters, data_card: DataCard) -> Card:
    """Refuses what the prepared data does not allow.

    Args:
        parameters: all of conf's.
        data_card: of the prepared data.

    Returns:
        ``sets``: images per class of each synthetic set that is to be made.

    Raises:
        InputError: classes or images of a synthetic set do not fit, or an attack cannot be run on so few classes.
    """
    import numpy as np

    from synthpath_kedro.diffusion.allocation import allocate
    from synthpath_kedro.metrics.robustness import check_attacks

    if data_card.multi_label:
        raise InputError(
            f"{data_card.name} is multi-label and a study takes one label per image: choose "
            "another data_prep.name; kedro run --pipeline=data_prep gives its class distribution"
        )
    names = tuple(data_card.class_names)
    check_attacks(parameters.evaluation.attacks, len(names))
    counts = np.array([data_card.splits["train"].counts[name] for name in names])
    found: Card = {"sets": {}}
    for name, one in parameters.synthesis.synthetic_sets.items():
        generator = GENERATORS[one.source]
        if generator.needs_path:
            generator.check_content(str(one.path), names, parameters.synthesis.path_parameter(name))
        else:
            allocated = allocate(parameters.synthesis, names, counts)
            found["sets"][name] = dict(zip(names, allocated.tolist(), strict=True))
    return found


def _check_denoisers(parameters: Parameters) -> None:
    """Refuses a denoiser on whose images no classifier would train."""
    denoisers, study = Grid.from_parameters(parameters).denoisers, parameters.classification
    replicates = max(study.replicates_of(model) for model in study.models)
    if denoisers > replicates:
        raise InputError(
            f"diffusion.replicates is {denoisers} and classification.replicates is {replicates}: no classifier would "
            f"train on the images of denoiser {replicates}; set diffusion.replicates to {replicates} at most, or raise "
            "classification.replicates"
        )


def _check_start(parameters: Parameters) -> None:
    """Refuses weights to start from that cannot be read, are of another architecture, or have seen the phantom."""
    params = parameters.diffusion
    if params.start_from is None or not Grid.from_parameters(parameters).needs_denoiser:
        return
    from synthpath_kedro.diffusion.start import read_start

    start = read_start(params)
    if start:
        start.check_data(phantom=parameters.data_prep.source == "phantom", allowed=params.allow_phantom_start)


def _check_latents(parameters: Parameters) -> None:
    """Refuses an autoencoder that is not to be had, or does not fit the images."""
    if parameters.diffusion.latent is None:
        return
    from synthpath_kedro.diffusion.autoencoder_weights import check_autoencoder
    from synthpath_kedro.diffusion.encoder import encoded_shape

    check_autoencoder(parameters.diffusion.latent)
    encoded_shape(parameters.diffusion, parameters.data_prep.image_size)


def _check_path(parameter: str, path: Path, generator: Generator) -> None:
    problem = None
    if not path.exists():
        problem = "does not exist"
    elif generator.path_is_folder is not None and path.is_dir() != generator.path_is_folder:
        problem = "is a folder" if path.is_dir() else "is a file"
    if problem:
        raise InputError(f"{parameter}: {path} {problem}; give the {generator.label} of synthetic images")

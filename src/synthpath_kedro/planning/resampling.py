"""What the pipelines that train generator and classifiers anew on parts of the data will cost."""

from datetime import timedelta

from synthpath_kedro.diffusion.cost import estimate_cost
from synthpath_kedro.parameters import DiffusionParameters, SynthesisParameters


def describe_cost(
    study: str,
    n_denoisers: int,
    n_classifiers: int,
    params: DiffusionParameters,
    synthesis: SynthesisParameters,
    n_train: int,
    image_size: int,
) -> str:
    """One line for the log, before anything is trained; times a training step of the denoiser, if there is one.

    Args:
        study: the pipeline's name.
        n_denoisers: each is trained for as many steps as the study's.
        n_classifiers: every replicate of every cell, at most.
        params: the block ``diffusion``.
        synthesis: the block ``synthesis``.
        n_train: training images of the study.
        image_size: height and width in pixels.
    """
    line = f"{study} trains {n_denoisers} denoisers and at most {n_classifiers} classifiers"
    if not n_denoisers:
        return line
    cost = estimate_cost(params, synthesis, n_train, image_size)
    duration = timedelta(seconds=round(n_denoisers * cost.seconds))
    return f"{line}; the denoisers and their images take at most {duration} on this machine's {cost.device}"

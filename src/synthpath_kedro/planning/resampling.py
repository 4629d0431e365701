"""What the pipelines that train generator and classifiers separately on parts of the data will cost."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from synthpath_kedro.diffusion.cost import estimate_cost
from synthpath_kedro.parameters import DiffusionParameters, Parameters, SynthesisParameters
from synthpath_kedro.planning.steps import Step
from synthpath_kedro.study.grid import Grid
from synthpath_kedro.study.resampling import WHOLE


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


def estimate_resampling(parameters: Parameters, grid: Grid, steps: Sequence[Step]) -> tuple[Step, ...]:
    """The learning curve and the cross-validation, which are no part of the study, at the pace of the study's steps.

    Args:
        parameters: all of them.
        grid: the study's.
        steps: the study's, as estimated.
    """
    resampling = grid.resampling
    fractions, folds = resampling.parts_of_curve.values(), len(resampling.folds_of_repeats)
    made_here = {name for name, generator in grid.sets.items() if not generator.needs_path}
    curve, validation = {}, {}
    for model in grid.models:
        of_curve = grid.cells_under(model, resampling.regimes)
        counted = sum(bool(cell.set) for cell in of_curve)
        curve[model] = len(resampling.fractions) * len(of_curve) + len(resampling.synthetic_counts) * counted
        validation[model] = folds * sum(
            cell.model == model and (not cell.set or cell.set in made_here) for cell in grid.cells
        )
    return (
        _estimate("learning_curve", sum(one != WHOLE for one in fractions), curve, parameters, grid, steps),
        _estimate("cross_validation", folds, validation, parameters, grid, steps),
    )


def _estimate(
    name: str, n_parts: int, trials_of: Mapping[str, int], parameters: Parameters, grid: Grid, steps: Sequence[Step]
) -> Step:
    """Each part has a denoiser where the study has any; each trial takes as long as a cell of its model."""
    seconds = {step.name: step.seconds for step in steps}
    n_denoisers = n_parts if grid.needs_denoiser else 0
    parts = []
    if n_denoisers:
        parts += [(name, n_denoisers / parameters.diffusion.replicates) for name in ("diffusion", "synthesis")]
        parts += [("autoencoder", n_denoisers)] if parameters.diffusion.latent else []
    for model, n in trials_of.items():
        parts.append((f"classification: {model}", n / sum(cell.model == model for cell in grid.cells)))
    known = [times * own for name, times in parts if (own := seconds.get(name)) is not None]
    n_classifiers = sum(n * parameters.classification.replicates_of(model) for model, n in trials_of.items())
    return Step(
        name,
        seconds=sum(known) if len(known) == len(parts) else None,
        note=f"denoisers: {n_denoisers}, classifiers: at most {n_classifiers:,}; each as long as the study's",
    )

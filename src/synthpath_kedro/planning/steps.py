"""Time, memory and disk of each part of a study, estimated."""

from dataclasses import dataclass, replace

from synthpath_kedro.parameters import Parameters
from synthpath_kedro.planning.images import ImageCounts, count_synthetic
from synthpath_kedro.study.generators import GENERATORS
from synthpath_kedro.study.grid import Grid

PROCESS_BYTES = 0.6e9
"""A Python process with PyTorch, before it holds anything."""

# Decoding, resizing and checking on one core; the phantom is rendered instead.
_PREPARED_PER_SECOND = {"phantom": 100.0, "image_folder": 400.0, "npz": 3000.0, "medmnist": 3000.0}
_SLOWEST = min(_PREPARED_PER_SECOND.values())


@dataclass(frozen=True)
class Step:
    """One part of a study. What is unknown is None.

    Attributes:
        name: of the part.
        seconds: on this machine.
        memory_bytes: at its peak.
        disk_bytes: of what it leaves.
        note: what the estimate leaves out, or why there is none.
    """

    name: str
    seconds: float | None = None
    memory_bytes: float | None = None
    disk_bytes: float | None = None
    note: str = ""


def estimate_steps(
    parameters: Parameters, images: ImageCounts | None, probe: bool
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Every part of the study in the order in which it runs, and what they would be refused for.

    Args:
        parameters: all of them.
        images: how many there are; None: not known.
        probe: time short training steps on this machine.
    """
    from synthpath_kedro.planning.classifiers import estimate_classifiers
    from synthpath_kedro.planning.denoiser import estimate_denoiser
    from synthpath_kedro.planning.report import estimate_report

    grid = Grid.from_parameters(parameters)
    steps = [_data_prep(parameters, images)]
    problems: list[str] = []
    if grid.needs_denoiser:
        generator, problem = estimate_denoiser(parameters, images, probe)
        steps += generator
        problems += [problem] if problem else []
    sets = parameters.synthesis.synthetic_sets.items()
    steps += [_read_set(parameters, name) for name, one in sets if not GENERATORS[one.source].needs_denoiser]
    of_models, more = estimate_classifiers(parameters, grid, images, probe)
    steps += [*of_models, estimate_report(parameters, images, probe)]
    return tuple(_with_process(step) for step in steps), (*problems, *more)


def pixel_bytes(n_images: int, image_size: int) -> int:
    """Bytes of RGB images at rest."""
    return n_images * image_size * image_size * 3


def _data_prep(parameters: Parameters, images: ImageCounts | None) -> Step:
    if images is None:
        return Step("data_prep", note="unknown: the images are not there yet, or not as data_prep expects them")
    params = parameters.data_prep
    at_rest = pixel_bytes(images.total, params.image_size)
    return Step(
        "data_prep",
        seconds=images.total / _PREPARED_PER_SECOND[params.source],
        memory_bytes=2 * at_rest,
        disk_bytes=at_rest,
        note="without the download" if params.source == "medmnist" else "",
    )


def _read_set(parameters: Parameters, name: str) -> Step:
    n_images = count_synthetic(parameters)[name]
    at_rest = pixel_bytes(n_images, parameters.data_prep.image_size)
    rate = _PREPARED_PER_SECOND.get(parameters.synthesis.synthetic_sets[name].source, _SLOWEST)
    return Step(f"synthesis: {name}", seconds=n_images / rate, memory_bytes=2 * at_rest, disk_bytes=at_rest)


def _with_process(step: Step) -> Step:
    return step if step.memory_bytes is None else replace(step, memory_bytes=step.memory_bytes + PROCESS_BYTES)

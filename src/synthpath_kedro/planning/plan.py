"""The plan of a study."""

from dataclasses import dataclass
from pathlib import Path

from synthpath_kedro.parameters import Parameters
from synthpath_kedro.planning.images import ImageCounts, count_images
from synthpath_kedro.planning.origins import Origin, locate_data, locate_weights
from synthpath_kedro.planning.refusals import find_refusals
from synthpath_kedro.planning.resampling import estimate_resampling
from synthpath_kedro.planning.steps import Step, estimate_steps
from synthpath_kedro.study.grid import Grid


@dataclass(frozen=True)
class Plan:
    """What a study will need. All but counts of images, origins and refusals are estimates.

    Attributes:
        images: of each split; None: unknown before the data is read.
        origins: where the data and each model's first weights come from.
        steps: time, memory and disk of each part of the study.
        on_request: time of the pipelines beside the study, which ``kedro run`` leaves out.
        refusals: why it would stop, one line each; empty: nothing known.
    """

    images: ImageCounts | None
    origins: tuple[Origin, ...]
    steps: tuple[Step, ...]
    on_request: tuple[Step, ...]
    refusals: tuple[str, ...]

    @property
    def seconds(self) -> float | None:
        """Of all steps one after the other; None where one is unknown."""
        return _sum([step.seconds for step in self.steps])

    @property
    def disk_bytes(self) -> float | None:
        """Of all results; None where one is unknown."""
        return _sum([step.disk_bytes for step in self.steps])

    @property
    def memory_bytes(self) -> float | None:
        """Of the step that needs most; None where none is known."""
        return max((step.memory_bytes for step in self.steps if step.memory_bytes is not None), default=None)


def make_plan(parameters: Parameters, root: Path, probe: bool = True) -> Plan:
    """The plan of the study that ``parameters`` describe.

    Args:
        parameters: all of them.
        root: the folder of the environment's results, in which nothing need be yet.
        probe: time short steps on this machine, some seconds per model; without it no times are given.
    """
    images = count_images(parameters.data_prep, root / "03_primary" / "card.json")
    origins = (locate_data(parameters.data_prep, root / "01_raw"), *locate_weights(parameters))
    steps, problems = estimate_steps(parameters, images, probe)
    unusable = [one.problem for one in origins if one.problem]
    refusals = dict.fromkeys((*find_refusals(parameters, images), *unusable, *problems))
    on_request = estimate_resampling(parameters, Grid.from_parameters(parameters), steps)
    return Plan(images, origins, steps, on_request, tuple(refusals))


def _sum(numbers: list[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None

"""The project's pipelines."""

from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline

from synthpath_kedro.pipelines import classification, data_prep, diffusion, evaluation, synthesis
from synthpath_kedro.pipelines.classification import ratio_sweep
from synthpath_kedro.study.grid import Grid

PIPELINES = ("data_prep", "diffusion", "synthesis", "classification", "evaluation")
SWEEPS = ("ratio_sweep",)

_grid = Grid()


def use_grid(grid: Grid) -> None:
    """Makes the pipelines those of ``grid``; to be called before a run's pipelines are first looked at."""
    global _grid
    if grid != _grid:
        _grid = grid
        pipelines.configure(__name__)


def register_pipelines() -> dict[str, Pipeline]:
    """The five pipelines by name; all of them together are the study, which runs without a name. And the sweep."""
    stages = {
        "data_prep": data_prep.create_pipeline(),
        "diffusion": diffusion.create_pipeline(),
        "synthesis": synthesis.create_pipeline(),
        "classification": classification.create_pipeline(_grid),
        "evaluation": evaluation.create_pipeline(_grid),
    }
    study = Pipeline(list(stages.values()))
    return stages | {"ratio_sweep": ratio_sweep.create_pipeline(_grid), "__default__": study}

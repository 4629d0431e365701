"""The project's pipelines."""

from contextvars import ContextVar

from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline

from synthpath_kedro.pipelines import classification, data_prep, diffusion, evaluation, synthesis
from synthpath_kedro.pipelines.classification import ratio_sweep
from synthpath_kedro.pipelines.resampling import cross_validation, learning_curve
from synthpath_kedro.study.grid import Grid

PIPELINES = ("data_prep", "diffusion", "synthesis", "classification", "evaluation")
SWEEPS = {
    "ratio_sweep": ratio_sweep.create_pipeline,
    "learning_curve": learning_curve.create_pipeline,
    "cross_validation": cross_validation.create_pipeline,
}

_grid: ContextVar[Grid] = ContextVar("grid", default=Grid())  # noqa: B039 - a Grid cannot be changed


def use_grid(grid: Grid) -> None:
    """Makes the pipelines those of ``grid``, in this context: Kedro asks for pipelines without saying which study."""
    if grid != _grid.get():
        _grid.set(grid)
        pipelines.configure(__name__)


def register_pipelines() -> dict[str, Pipeline]:
    """The five pipelines by name; all of them together are the study, which runs without a name. And the sweeps."""
    grid = _grid.get()
    parts = {
        "data_prep": data_prep.create_pipeline(),
        "diffusion": diffusion.create_pipeline(grid),
        "synthesis": synthesis.create_pipeline(grid),
        "classification": classification.create_pipeline(grid),
        "evaluation": evaluation.create_pipeline(grid),
    }
    study = sum(parts.values(), Pipeline([]))
    return parts | {name: create(grid) for name, create in SWEEPS.items()} | {"__default__": study}

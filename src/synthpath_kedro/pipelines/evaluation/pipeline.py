import warnings

from kedro.pipeline import Pipeline

from synthpath_kedro.pipelines.evaluation import cell, generator, pages, report, tables
from synthpath_kedro.study.grid import Grid


def create_pipeline(grid: Grid) -> Pipeline:
    """The selected cells of the grid; the study's tables and report too where all cells are selected."""
    parts = [cell.create_pipeline(selected, grid.models[selected.model]) for selected in grid.selected]
    with warnings.catch_warnings():
        # The tables read datasets out of every cell's namespace, which Kedro advises against.
        warnings.filterwarnings("ignore", message="One or more dataset names contain", category=UserWarning)
        if grid.whole:
            parts += [generator.create_pipeline(), tables.create_pipeline(grid), report.create_pipeline(grid)]
            parts.append(pages.create_pipeline(grid))
    return Pipeline(parts, tags="evaluation")

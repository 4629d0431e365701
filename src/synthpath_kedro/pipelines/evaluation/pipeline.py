from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.evaluation import cell, evidence, report
from synthpath_kedro.pipelines.evaluation.cell.nodes import collect_cells
from synthpath_kedro.pipelines.shared import collect_sets_node
from synthpath_kedro.study.grid import Grid


def create_pipeline(grid: Grid) -> Pipeline:
    """The selected cells of the grid; the study's evidence and report too where all cells are selected."""
    parts = [cell.create_pipeline(grid, selected) for selected in grid.selected]
    if grid.whole:
        parts += [_collect(grid), evidence.create_pipeline(grid), report.create_pipeline(grid)]
    shared = Pipeline([collect_sets_node(grid)], tags=["cells", "report"])
    return Pipeline(sum(parts, shared).nodes, tags="evaluation")


def _collect(grid: Grid) -> Pipeline:
    gathered = [cell.gather(one) for one in grid.cells]
    collect = Node(
        collect_cells,
        inputs=[name for node in gathered for name in node.outputs],
        outputs="cells",
        name="collect_cells",
        namespace="classifiers",
    )
    return Pipeline([*gathered, collect], tags="report")

from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.resampling.nodes import Trial, draw_folds
from synthpath_kedro.pipelines.resampling.part import draw_parts, predictions, train_on_parts
from synthpath_kedro.pipelines.resampling.table_nodes import tabulate_cross_validation
from synthpath_kedro.pipelines.shared import bound
from synthpath_kedro.study.grid import Grid

STUDY = "cross_validation"


def create_pipeline(grid: Grid) -> Pipeline:
    """Repeated folds of all real images: in each, the generator and the cells of the run are trained again.

    Synthetic sets made elsewhere are left out: whoever made them has seen the images that a fold holds out.
    """
    folds = grid.resampling.folds_of_repeats
    sets = {name: generator for name, generator in grid.sets.items() if not generator.needs_path}
    cells = [cell for cell in grid.selected if not cell.set or cell.set in sets]
    trials = [(part, Trial(cell)) for part in folds for cell in cells]
    trained = train_on_parts(STUDY, trials, dict.fromkeys(folds, sets), grid.latent)
    tabulate = Node(
        bound(tabulate_cross_validation, oracles=grid.oracles),
        inputs=["params:evaluation", *predictions(STUDY, trials)],
        outputs=["cross_validation_table", "cross_validation_comparison_table"],
        name="tabulate_cross_validation",
        namespace=STUDY,
    )
    return Pipeline([*trained.nodes, draw_parts(STUDY, draw_folds, folds=dict(folds)), tabulate], tags=STUDY)

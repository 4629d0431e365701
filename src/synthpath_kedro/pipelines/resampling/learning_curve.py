from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.resampling.nodes import Trial, draw_fractions
from synthpath_kedro.pipelines.resampling.part import TrialOfPart, draw_parts, predictions, train_on_parts
from synthpath_kedro.pipelines.resampling.table_nodes import (
    draw_learning_curve,
    draw_synthetic_count,
    tabulate_learning_curve,
    tabulate_synthetic_count,
)
from synthpath_kedro.pipelines.shared import collect_sets_node
from synthpath_kedro.study.grid import Grid
from synthpath_kedro.study.resampling import WHOLE

STUDY = "learning_curve"


def create_pipeline(grid: Grid) -> Pipeline:
    """Accuracy against the number of real images, the generator trained on just those; and against synthetic images.

    At all real images the synthetic sets are the study's own. The models are those that the run is about.
    """
    parts = grid.resampling.parts_of_curve
    cells = [cell for model in grid.selected_models for cell in grid.cells_under(model, grid.resampling.regimes)]
    curve = [
        (part, Trial(cell))
        for part, fraction in parts.items()
        if fraction in grid.resampling.fractions
        for cell in cells
    ]
    counts = [
        (part, Trial(cell, per_real))
        for part, fraction in parts.items()
        if fraction == WHOLE
        for cell in cells
        if cell.set
        for per_real in grid.resampling.synthetic_counts
    ]
    made_here = {name: generator for name, generator in grid.sets.items() if not generator.needs_path}
    own_sets = {part: {} if fraction == WHOLE else made_here for part, fraction in parts.items()}
    trained = train_on_parts(STUDY, [*curve, *counts], own_sets, grid.latent)
    draw = draw_parts(STUDY, draw_fractions, fractions=dict(parts))
    of_all_images = [(part, trial) for part, trial in curve if parts[part] == WHOLE and not trial.cell.set]
    tables = [*_curve(curve), *(_by_count([*of_all_images, *counts]) if counts else [])]
    shared = [collect_sets_node(grid)] if "synthetic_sets" in trained.inputs() else []
    return Pipeline([*trained.nodes, draw, *tables, *shared], tags=STUDY)


def _curve(trials: list[TrialOfPart]) -> list[Node]:
    return [
        Node(
            tabulate_learning_curve,
            inputs=["params:evaluation", "params:seed", *predictions(STUDY, trials)],
            outputs=["learning_curve_table", "learning_curve_intervals_table", "real_images_worth_table"],
            name="tabulate_learning_curve",
            namespace=STUDY,
        ),
        Node(
            draw_learning_curve,
            inputs=["learning_curve_intervals_table", "real_images_worth_table", "data_card"],
            outputs="learning_curve_figure",
            name="draw_learning_curve",
            namespace=STUDY,
        ),
    ]


def _by_count(trials: list[TrialOfPart]) -> list[Node]:
    return [
        Node(
            tabulate_synthetic_count,
            inputs=predictions(STUDY, trials),
            outputs="synthetic_count_table",
            name="tabulate_synthetic_count",
            namespace=STUDY,
        ),
        Node(
            draw_synthetic_count,
            inputs=["synthetic_count_table", "data_card"],
            outputs="synthetic_count_figure",
            name="draw_synthetic_count",
            namespace=STUDY,
        ),
    ]

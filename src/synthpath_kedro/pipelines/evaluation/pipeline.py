import warnings

from kedro.pipeline import Node, Pipeline

from synthpath_kedro.grid import Cell, Grid
from synthpath_kedro.pipelines.evaluation.nodes import (
    attack_cell,
    draw_accuracy_by_regime,
    draw_robustness,
    draw_tsne,
    embed_features,
    lay_out_table_4_1,
    lay_out_table_4_2,
    lay_out_table_4_3,
    predict_cell,
    score_cell,
    tabulate_classification,
    tabulate_cost,
    tabulate_robustness,
    tabulate_synthetic_as_test,
    write_report,
)

SHARED = {"real_val", "real_test", "synthetic_shards", "synthetic_manifest"}


def create_pipeline(grid: Grid) -> Pipeline:
    """The selected cells of the grid; the study's tables and report too where all cells are selected."""
    cells = [_evaluate_cell(cell) for cell in grid.selected]
    with warnings.catch_warnings():
        # The report reads datasets out of every cell's namespace, which Kedro advises against.
        warnings.filterwarnings("ignore", message="One or more dataset names contain", category=UserWarning)
        report = [_report(grid)] if grid.whole else []
    return Pipeline([*cells, *report], tags="evaluation")


def _evaluate_cell(cell: Cell) -> Pipeline:
    nodes = [
        Node(
            predict_cell,
            inputs=[
                "classifier",
                "real_val",
                "real_test",
                "synthetic_shards",
                "synthetic_manifest",
                "params:evaluation",
                "params:seed",
            ],
            outputs=["predictions", "features"],
            name="predict",
        ),
        Node(
            attack_cell,
            inputs=["classifier", "real_test", "params:evaluation", "params:seed"],
            outputs="attacked",
            name="attack",
        ),
        Node(score_cell, inputs=["predictions", "attacked"], outputs="metrics", name="score"),
        Node(
            embed_features,
            inputs=["features", "params:evaluation", "params:seed"],
            outputs="tsne",
            name="embed_features",
        ),
        Node(draw_tsne, inputs=["tsne", "features"], outputs="tsne_figure", name="draw_tsne"),
    ]
    return Pipeline(
        nodes, namespace=cell.namespace, inputs=SHARED, parameters={"params:evaluation", "params:seed"}, tags="cells"
    )


def _report(grid: Grid) -> Pipeline:
    predictions = [f"{cell.namespace}.predictions" for cell in grid.cells]
    attacked = [f"{cell.namespace}.attacked" for cell in grid.cells]
    histories = {f"{model}_{regime}": f"{model}.{regime}.history" for model, regime in grid.cells}
    tsne_figures = {f"tsne_{model}_{regime}": f"{model}.{regime}.tsne_figure" for model, regime in grid.cells}
    return Pipeline(
        [
            Node(
                tabulate_classification,
                inputs=predictions,
                outputs="classification_table",
                name="tabulate_classification",
            ),
            Node(
                tabulate_synthetic_as_test,
                inputs=predictions,
                outputs="synthetic_as_test_table",
                name="tabulate_synthetic_as_test",
            ),
            Node(tabulate_robustness, inputs=attacked, outputs="robustness_table", name="tabulate_robustness"),
            Node(
                lay_out_table_4_1,
                inputs=["classification_table", "params:classification"],
                outputs="table_4_1",
                name="lay_out_table_4_1",
            ),
            Node(
                lay_out_table_4_2,
                inputs=["synthetic_as_test_table", "params:classification"],
                outputs="table_4_2",
                name="lay_out_table_4_2",
            ),
            Node(
                lay_out_table_4_3,
                inputs=["robustness_table", "params:classification"],
                outputs="table_4_3",
                name="lay_out_table_4_3",
            ),
            Node(
                draw_accuracy_by_regime,
                inputs=["classification_table", "data_card"],
                outputs="accuracy_by_regime_figure",
                name="draw_accuracy_by_regime",
            ),
            Node(
                draw_robustness,
                inputs=["robustness_table", "data_card"],
                outputs="robustness_figure",
                name="draw_robustness",
            ),
            Node(
                tabulate_cost,
                inputs={"diffusion_history": "diffusion_history", **histories},
                outputs="cost_table",
                name="tabulate_cost",
            ),
            Node(
                write_report,
                inputs={
                    "parameters": "parameters",
                    "data_card": "data_card",
                    "manifest": "synthetic_manifest",
                    "class_distribution": "class_distribution",
                    "cost": "cost_table",
                    "classification": "classification_table",
                    "table_4_1": "table_4_1",
                    "table_4_2": "table_4_2",
                    "table_4_3": "table_4_3",
                    "sample_grid": "sample_grid_figure",
                    "class_distribution_figure": "class_distribution_figure",
                    "denoiser_loss": "denoiser_loss_figure",
                    "denoiser_samples": "denoiser_samples_figure",
                    "real_and_synthetic": "real_and_synthetic_figure",
                    "accuracy_by_regime": "accuracy_by_regime_figure",
                    "robustness": "robustness_figure",
                    **tsne_figures,
                },
                outputs="report",
                name="write_report",
            ),
        ],
        tags="report",
    )

from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.evaluation.tables.nodes import (
    lay_out_table_4_1,
    lay_out_table_4_2,
    lay_out_table_4_3,
    tabulate_calibration,
    tabulate_classes,
    tabulate_classification,
    tabulate_comparison,
    tabulate_intervals,
    tabulate_knn_mixing,
    tabulate_reliability,
    tabulate_robustness,
    tabulate_robustness_curves,
    tabulate_synthetic_as_test,
)
from synthpath_kedro.study.grid import Grid

PARAMS, SEED, STUDY = "params:evaluation", "params:seed", "params:classification"


def create_pipeline(grid: Grid) -> Pipeline:
    """Every table from what each cell left; a cell that has not been trained leaves nothing."""
    predictions, attacked, features = (
        [f"{cell.namespace}.{name}" for cell in grid.cells] for name in ("predictions", "attacked", "features")
    )
    tables = [
        Node(tabulate_classification, predictions, "classification_table", name="tabulate_classification"),
        Node(tabulate_intervals, [PARAMS, SEED, *predictions], "intervals_table", name="tabulate_intervals"),
        Node(tabulate_comparison, [PARAMS, SEED, *predictions], "comparison_table", name="tabulate_comparison"),
        Node(tabulate_classes, predictions, "per_class_table", name="tabulate_classes"),
        Node(tabulate_calibration, [PARAMS, *predictions], "calibration_table", name="tabulate_calibration"),
        Node(tabulate_reliability, [PARAMS, *predictions], "reliability_table", name="tabulate_reliability"),
        Node(tabulate_synthetic_as_test, predictions, "synthetic_as_test_table", name="tabulate_synthetic_as_test"),
        Node(tabulate_robustness, [*attacked, *predictions], "robustness_table", name="tabulate_robustness"),
        Node(tabulate_robustness_curves, attacked, "robustness_curves_table", name="tabulate_robustness_curves"),
        Node(tabulate_knn_mixing, [PARAMS, *features], "knn_mixing_table", name="tabulate_knn_mixing"),
        Node(lay_out_table_4_1, ["classification_table", STUDY], "table_4_1", name="lay_out_table_4_1"),
        Node(lay_out_table_4_2, ["synthetic_as_test_table", STUDY], "table_4_2", name="lay_out_table_4_2"),
        Node(lay_out_table_4_3, ["robustness_table", STUDY], "table_4_3", name="lay_out_table_4_3"),
    ]
    return Pipeline(tables, tags="report")

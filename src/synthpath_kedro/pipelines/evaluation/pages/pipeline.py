from kedro.pipeline import Node, Pipeline

from synthpath_kedro.grid import Cell, Grid
from synthpath_kedro.pipelines.evaluation.pages.nodes import write_feature_space, write_reader_test


def create_pipeline(grid: Grid) -> Pipeline:
    """Pages to explore: the feature space of every model's real cell, and the reader test."""
    synthetic = {"shards": "synthetic_shards", "manifest": "synthetic_manifest", "params": "params:report"}
    points = {model: f"{Cell(model, 'real').namespace}.tsne" for model in grid.models if "real" in grid.regimes}
    return Pipeline(
        [
            Node(
                write_feature_space,
                inputs={"real_test": "real_test", **synthetic, **points},
                outputs="feature_space_page",
                name="write_feature_space",
            ),
            Node(
                write_reader_test,
                inputs={"real_val": "real_val", **synthetic, "seed": "params:seed"},
                outputs="reader_test_page",
                name="write_reader_test",
            ),
        ],
        tags="report",
    )

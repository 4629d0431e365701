from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.evaluation.pages.nodes import write_feature_space, write_reader_study
from synthpath_kedro.study.grid import Grid


def create_pipeline(grid: Grid) -> Pipeline:
    """Pages to explore: the feature space of every cell, and the reader study."""
    synthetic = {"shards": "synthetic_shards", "manifest": "synthetic_manifest", "params": "params:report"}
    embedded = [f"{cell.namespace}.{name}" for cell in grid.cells for name in ("tsne", "features")]
    return Pipeline(
        [
            Node(
                write_feature_space,
                inputs=["real_test", *synthetic.values(), *embedded],
                outputs="feature_space_page",
                name="write_feature_space",
            ),
            Node(
                write_reader_study,
                inputs={"real_val": "real_val", **synthetic, "seed": "params:seed"},
                outputs="reader_study_page",
                name="write_reader_study",
            ),
        ],
        tags="report",
    )

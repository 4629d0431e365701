from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.evaluation.cell.nodes import (
    attack_cell,
    draw_tsne,
    embed_features,
    predict_cell,
    score_cell,
)
from synthpath_kedro.study.grid import Cell

SHARED = {"real_val", "real_test", "synthetic_shards", "synthetic_manifest"}
CACHED = ("cached_real_val", "cached_real_test", "cached_synthetic")


def create_pipeline(cell: Cell, has_frozen_backbone: bool) -> Pipeline:
    cached = CACHED if has_frozen_backbone else ()
    shared = {name: name for name in sorted(SHARED)}
    nodes = [
        Node(
            predict_cell,
            inputs={
                "classifier": "classifier",
                "real_val": "real_val",
                "real_test": "real_test",
                "shards": "synthetic_shards",
                "manifest": "synthetic_manifest",
                "params": "params:evaluation",
                "seed": "params:seed",
                **{name: name for name in cached},
            },
            outputs=["predictions", "features"],
            name="predict",
        ),
        Node(
            attack_cell,
            inputs=["classifier", "predictions", "real_test", "params:evaluation", "params:seed"],
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
        nodes,
        namespace=cell.namespace,
        inputs=shared | {name: f"{cell.model}.{name}" for name in cached},
        parameters={"params:evaluation", "params:seed"},
        tags="cells",
    )

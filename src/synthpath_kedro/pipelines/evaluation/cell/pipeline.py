from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.evaluation.cell.nodes import (
    attack_cell,
    corrupt_cell,
    draw_tsne,
    embed_features,
    gather_cell,
    predict_cell,
    score_cell,
)
from synthpath_kedro.pipelines.shared import bound
from synthpath_kedro.study.grid import Cell, Grid


def create_pipeline(grid: Grid, cell: Cell) -> Pipeline:
    """What is computed for one cell by itself: predictions, attacks, features and their embedding."""
    namespace = f"classifiers.{cell.namespace}"

    def own(name: str) -> str:
        return f"{cell.name}/{name}"

    inputs = {
        "classifier": own("classifier"),
        "real_val": "real_val",
        "real_test": "real_test",
        "synthetic_sets": "synthetic_sets",
        "params": "params:evaluation",
        "seed": "params:seed",
    }
    sets = grid.sets_of(cell.model)
    if grid.models[cell.model]:
        images = ["real_val", "real_test", *([cell.set] if cell.set else sets)]
        inputs |= {f"cached_{name}": f"{cell.model}/cached_{name}" for name in images}
    if grid.latent and not cell.set:
        inputs["reconstructed_test"] = "reconstructed_test"
    nodes = [
        Node(
            bound(predict_cell, cell=cell, tested_on=sets),
            inputs=inputs,
            outputs=[own("predictions"), own("features")],
            name="predict",
        ),
        Node(
            attack_cell,
            inputs=[own("classifier"), own("predictions"), "real_test", "params:evaluation", "params:seed"],
            outputs=own("attacked"),
            name="attack",
        ),
        Node(
            corrupt_cell,
            inputs=[own("classifier"), own("predictions"), "real_test", "params:evaluation", "params:seed"],
            outputs=own("corrupted"),
            name="corrupt",
        ),
        Node(
            score_cell,
            inputs=[own("predictions"), own("attacked"), own("corrupted")],
            outputs=own("metrics"),
            name="score",
        ),
        Node(
            embed_features,
            inputs=[own("features"), "params:evaluation", "params:seed"],
            outputs=own("tsne"),
            name="embed_features",
        ),
        Node(draw_tsne, inputs=[own("tsne"), own("features")], outputs=own("tsne_figure"), name="draw_tsne"),
    ]
    return Pipeline(nodes, namespace=namespace, prefix_datasets_with_namespace=False, tags="cells")


def gather(cell: Cell) -> Node:
    """The node that reads what ``cell`` has left."""
    namespace = f"classifiers.{cell.namespace}"
    names = (
        *("predictions", "features", "attacked", "tsne", "tsne_figure", "history", "history_figure", "metrics"),
        "corrupted",
    )
    return Node(
        bound(gather_cell, cell=cell),
        inputs={name: f"{cell.name}/{name}" for name in names},
        outputs=f"{cell.name}/results",
        name="gather",
        namespace=namespace,
    )

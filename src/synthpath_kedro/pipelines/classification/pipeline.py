from kedro.pipeline import Node, Pipeline

from synthpath_kedro.classifiers.registry import has_trunk
from synthpath_kedro.grid import Cell, Grid
from synthpath_kedro.pipelines.classification.nodes import (
    draw_training_history,
    store_trunk_features,
    store_trunk_features_of_synthetic,
    train_classifier,
)

SHARED = ["real_train", "real_val", "synthetic_shards", "synthetic_manifest", "classification_scratch"]


def create_pipeline(grid: Grid) -> Pipeline:
    """The selected cells of the grid, and what is computed once for all cells of a model."""
    models = dict.fromkeys(cell.model for cell in grid.selected)
    trunks = [_store_trunk_features(model, grid) for model in models if has_trunk(model)]
    return Pipeline([*trunks, *(_train_cell(cell) for cell in grid.selected)], tags="classification")


def _store_trunk_features(model: str, grid: Grid) -> Pipeline:
    nodes = [
        Node(
            store_trunk_features,
            inputs=["name", split, "params:classification", "params:seed"],
            outputs=f"trunk_{split}",
            name=f"store_trunk_features_of_{split}",
        )
        for split in ("real_train", "real_val")
    ]
    if any(cell.model == model and cell.regime != "real" for cell in grid.selected):
        nodes.append(
            Node(
                store_trunk_features_of_synthetic,
                inputs=["name", "synthetic_shards", "synthetic_manifest", "params:classification", "params:seed"],
                outputs="trunk_synthetic",
                name="store_trunk_features_of_synthetic",
            )
        )
    pipeline = Pipeline(nodes)
    shared = pipeline.datasets() & set(SHARED)
    return Pipeline(nodes, namespace=model, inputs=shared, parameters=_parameters(pipeline))


def _train_cell(cell: Cell) -> Pipeline:
    inputs = {
        "cell": "cell",
        "real_train": "real_train",
        "real_val": "real_val",
        "params": "params:classification",
        "seed": "params:seed",
        "scratch": "classification_scratch",
    }
    trunks: dict[str, str] = {}
    if has_trunk(cell.model):
        trunks |= {"trunk_real_train": "trunk_real_train", "trunk_real_val": "trunk_real_val"}
    if cell.regime != "real":
        inputs |= {"shards": "synthetic_shards", "manifest": "synthetic_manifest"}
        trunks |= {"trunk_synthetic": "trunk_synthetic"} if has_trunk(cell.model) else {}
    nodes = [
        Node(train_classifier, inputs=inputs | trunks, outputs=["classifier", "history"], name="train_classifier"),
        Node(draw_training_history, inputs=["history", "classifier"], outputs="history_figure", name="draw_history"),
    ]
    pipeline = Pipeline(nodes)
    return Pipeline(
        nodes,
        namespace=cell.namespace,
        inputs={name: name for name in pipeline.inputs() & set(SHARED)}
        | {trunk: f"{cell.model}.{trunk}" for trunk in trunks},
        parameters=_parameters(pipeline),
    )


def _parameters(pipeline: Pipeline) -> set[str]:
    return {name for name in pipeline.inputs() if name.startswith("params:")}

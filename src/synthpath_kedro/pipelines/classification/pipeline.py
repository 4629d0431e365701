from kedro.pipeline import Node, Pipeline

from synthpath_kedro.classifiers.registry import has_trunk
from synthpath_kedro.grid import Cell, Grid
from synthpath_kedro.pipelines.classification.nodes import (
    draw_training_history,
    select_synthetic,
    store_trunk_features,
    store_trunk_features_of_held_out,
    store_trunk_features_of_synthetic,
    train_classifier,
)

SHARED = [
    "real_train",
    "real_val",
    "real_test",
    "synthetic_shards",
    "synthetic_manifest",
    "synthetic_selection",
    "classification_scratch",
]


def create_pipeline(grid: Grid) -> Pipeline:
    """The selected cells of the grid, and what is computed once for all cells of a model."""
    models = dict.fromkeys(cell.model for cell in grid.selected)
    uses_synthetic = {cell.model for cell in grid.selected if cell.regime != "real"}
    selects = grid.selection_model is not None and bool(uses_synthetic)
    parts = [trunk_features(model, model in uses_synthetic) for model in models if has_trunk(model)]
    parts += [_train_cell(cell, selects) for cell in grid.selected]
    if selects:
        parts.append(_select_synthetic(str(grid.selection_model), uses_synthetic))
    return Pipeline(parts, tags="classification")


def trunk_features(model: str, of_synthetic: bool) -> Pipeline:
    """What the frozen part of ``model`` computes for every image, once."""
    parameters = ["params:classification", "params:seed"]
    nodes = [
        Node(
            store_trunk_features,
            inputs=["name", "real_train", *parameters],
            outputs="trunk_real_train",
            name="store_trunk_features_of_real_train",
        ),
        *(
            Node(
                store_trunk_features_of_held_out,
                inputs=["name", images, *parameters],
                outputs=f"trunk_{images}",
                name=f"store_trunk_features_of_{images}",
            )
            for images in ("real_val", "real_test")
        ),
    ]
    if of_synthetic:
        nodes.append(
            Node(
                store_trunk_features_of_synthetic,
                inputs=["name", "synthetic_shards", "synthetic_manifest", *parameters],
                outputs="trunk_synthetic",
                name="store_trunk_features_of_synthetic",
            )
        )
    shared = Pipeline(nodes).datasets() & set(SHARED)
    return Pipeline(nodes, namespace=model, inputs=shared, parameters=set(parameters))


def _select_synthetic(model: str, with_trunk: set[str]) -> Pipeline:
    inputs = {
        "classifier": "classifier",
        "shards": "synthetic_shards",
        "manifest": "synthetic_manifest",
        "params": "params:classification",
    }
    outside = {"synthetic_shards": "synthetic_shards", "synthetic_manifest": "synthetic_manifest"}
    outside["classifier"] = f"{model}.real.classifier"
    if has_trunk(model) and model in with_trunk:
        inputs["trunk_synthetic"] = "trunk_synthetic"
    outputs = ["synthetic_selection", "selection_table"]
    return Pipeline(
        [Node(select_synthetic, inputs=inputs, outputs=outputs, name="select_synthetic")],
        namespace=model,
        inputs=outside,
        outputs=set(outputs),
        parameters="params:classification",
    )


def _train_cell(cell: Cell, selects: bool) -> Pipeline:
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
        inputs |= {"selection": "synthetic_selection"} if selects else {}
        trunks |= {"trunk_synthetic": "trunk_synthetic"} if has_trunk(cell.model) else {}
    nodes = [
        Node(train_classifier, inputs=inputs | trunks, outputs=["classifier", "history"], name="train_classifier"),
        Node(draw_training_history, inputs=["history", "classifier"], outputs="history_figure", name="draw_history"),
    ]
    free = Pipeline(nodes).inputs()
    return Pipeline(
        nodes,
        namespace=cell.namespace,
        inputs={name: name for name in free & set(SHARED)} | {trunk: f"{cell.model}.{trunk}" for trunk in trunks},
        parameters={name for name in free if name.startswith("params:")},
    )

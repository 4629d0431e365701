from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.classification.nodes import (
    cache_features,
    cache_features_of_synthetic,
    draw_training_history,
    filter_synthetic,
    train_classifier,
)
from synthpath_kedro.study.grid import Cell, Grid

SHARED = [
    "real_train",
    "real_val",
    "real_test",
    "synthetic_shards",
    "synthetic_manifest",
    "confidence_mask",
    "classification_scratch",
]


def create_pipeline(grid: Grid) -> Pipeline:
    """The selected cells of the grid, and what is computed once for all cells of a model."""
    models = dict.fromkeys(cell.model for cell in grid.selected)
    uses_synthetic = {cell.model for cell in grid.selected if cell.set}
    selects = grid.filtering_model is not None and bool(uses_synthetic)
    parts = [cached_features(model, model in uses_synthetic) for model in models if grid.models[model]]
    parts += [_train_cell(cell, selects, grid.models[cell.model]) for cell in grid.selected]
    if selects:
        parts.append(_filter_synthetic(str(grid.filtering_model), {m for m in uses_synthetic if grid.models[m]}))
    return Pipeline(parts, tags="classification")


def cached_features(model: str, of_synthetic: bool) -> Pipeline:
    """What the frozen part of ``model`` computes for every image, once."""
    parameters = ["params:classification", "params:seed"]
    nodes = [
        Node(
            cache_features,
            inputs=["name", images, *parameters],
            outputs=f"cached_{images}",
            name=f"cache_features_of_{images}",
        )
        for images in ("real_train", "real_val", "real_test")
    ]
    if of_synthetic:
        nodes.append(
            Node(
                cache_features_of_synthetic,
                inputs=["name", "synthetic_shards", "synthetic_manifest", *parameters],
                outputs="cached_synthetic",
                name="cache_features_of_synthetic",
            )
        )
    shared = Pipeline(nodes).datasets() & set(SHARED)
    return Pipeline(nodes, namespace=model, inputs=shared, parameters=set(parameters))


def _filter_synthetic(model: str, with_cached: set[str]) -> Pipeline:
    inputs = {
        "classifier": "classifier",
        "shards": "synthetic_shards",
        "manifest": "synthetic_manifest",
        "params": "params:classification",
    }
    outside = {"synthetic_shards": "synthetic_shards", "synthetic_manifest": "synthetic_manifest"}
    outside["classifier"] = f"{model}.real.classifier"
    if model in with_cached:
        inputs["cached_synthetic"] = "cached_synthetic"
    outputs = ["confidence_mask", "confidence_filtering_table"]
    return Pipeline(
        [Node(filter_synthetic, inputs=inputs, outputs=outputs, name="filter_synthetic")],
        namespace=model,
        inputs=outside,
        outputs=set(outputs),
        parameters="params:classification",
    )


def _train_cell(cell: Cell, selects: bool, has_frozen_backbone: bool) -> Pipeline:
    inputs = {
        "cell": "cell",
        "real_train": "real_train",
        "real_val": "real_val",
        "params": "params:classification",
        "seed": "params:seed",
        "scratch": "classification_scratch",
    }
    cached: dict[str, str] = {}
    if has_frozen_backbone:
        cached |= {"cached_real_train": "cached_real_train", "cached_real_val": "cached_real_val"}
    if cell.set:
        inputs |= {"shards": "synthetic_shards", "manifest": "synthetic_manifest"}
        inputs |= {"mask": "confidence_mask"} if selects else {}
        cached |= {"cached_synthetic": "cached_synthetic"} if has_frozen_backbone else {}
    nodes = [
        Node(train_classifier, inputs=inputs | cached, outputs=["classifier", "history"], name="train_classifier"),
        Node(draw_training_history, inputs=["history", "classifier"], outputs="history_figure", name="draw_history"),
    ]
    free = Pipeline(nodes).inputs()
    return Pipeline(
        nodes,
        namespace=cell.namespace,
        inputs={name: name for name in free & set(SHARED)} | {name: f"{cell.model}.{name}" for name in cached},
        parameters={name for name in free if name.startswith("params:")},
    )

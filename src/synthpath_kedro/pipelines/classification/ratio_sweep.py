from functools import partial, update_wrapper

from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.classification.nodes import draw_ratio_sweep, tabulate_ratio_sweep, train_at_ratio
from synthpath_kedro.pipelines.classification.pipeline import SHARED, cached_features
from synthpath_kedro.study.grid import Grid

CACHED = ("cached_real_train", "cached_real_val", "cached_real_test", "cached_synthetic")


def create_pipeline(grid: Grid) -> Pipeline:
    """Accuracy against the share of synthetic images in every batch, for the models that the run is about."""
    sweeps = [_sweep(model, grid.sweep_ratios, grid.models[model]) for model in grid.selected_models]
    scores = sorted(name for sweep in sweeps for name in sweep.outputs())
    cached = [cached_features(model, of_synthetic=True) for model in grid.selected_models if grid.models[model]]
    study = [
        Node(tabulate_ratio_sweep, inputs=scores, outputs="ratio_sweep_table", name="tabulate_ratio_sweep"),
        Node(
            draw_ratio_sweep,
            inputs=["ratio_sweep_table", "data_card"],
            outputs="accuracy_by_ratio_figure",
            name="draw_ratio_sweep",
        ),
    ]
    return Pipeline([*cached, *sweeps, *study], tags="ratio_sweep")


def _sweep(model: str, ratios: tuple[float, ...], has_frozen_backbone: bool) -> Pipeline:
    nodes = [_train_at(model, ratio, has_frozen_backbone) for ratio in ratios]
    pipeline = Pipeline(nodes)
    return Pipeline(
        nodes,
        namespace=model,
        inputs=pipeline.inputs() & set(SHARED),
        outputs=pipeline.outputs(),
        parameters={"params:classification", "params:seed"},
    )


def _train_at(model: str, ratio: float, has_frozen_backbone: bool) -> Node:
    name = f"at_{ratio:g}".replace(".", "_")
    inputs = {
        "model": "name",
        "real_train": "real_train",
        "real_val": "real_val",
        "real_test": "real_test",
        "shards": "synthetic_shards",
        "manifest": "synthetic_manifest",
        "params": "params:classification",
        "seed": "params:seed",
        "scratch": "classification_scratch",
    }
    if has_frozen_backbone:
        inputs |= {name: name for name in CACHED}
    train = update_wrapper(partial(train_at_ratio, ratio=ratio), train_at_ratio)
    return Node(train, inputs=inputs, outputs=f"{model}_{name}_scores", name=f"train_{name}")

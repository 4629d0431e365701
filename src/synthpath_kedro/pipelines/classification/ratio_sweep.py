from functools import partial, update_wrapper

from kedro.pipeline import Node, Pipeline

from synthpath_kedro.classifiers.registry import has_trunk
from synthpath_kedro.grid import Grid
from synthpath_kedro.pipelines.classification.nodes import draw_ratio_sweep, tabulate_ratio_sweep, train_at_ratio
from synthpath_kedro.pipelines.classification.pipeline import trunk_features


def create_pipeline(grid: Grid) -> Pipeline:
    """Accuracy against the share of synthetic images in every batch, for the models that the run is about."""
    nodes, scores = [], []
    for model in grid.selected_models:
        for ratio in grid.sweep_ratios:
            scores.append(f"{model}_at_{ratio:g}".replace(".", "_") + "_scores")
            nodes.append(_train_at(model, ratio, scores[-1]))
    nodes += [
        Node(tabulate_ratio_sweep, inputs=scores, outputs="ratio_sweep_table", name="tabulate_ratio_sweep"),
        Node(
            draw_ratio_sweep,
            inputs=["ratio_sweep_table", "data_card"],
            outputs="accuracy_by_ratio_figure",
            name="draw_ratio_sweep",
        ),
    ]
    trunks = [trunk_features(model, of_synthetic=True) for model in grid.selected_models if has_trunk(model)]
    return Pipeline([*trunks, *nodes], tags="ratio_sweep")


def _train_at(model: str, ratio: float, scores: str) -> Node:
    inputs = {
        "model": f"{model}.name",
        "real_train": "real_train",
        "real_val": "real_val",
        "real_test": "real_test",
        "shards": "synthetic_shards",
        "manifest": "synthetic_manifest",
        "params": "params:classification",
        "seed": "params:seed",
        "scratch": "classification_scratch",
    }
    if has_trunk(model):
        images = ("real_train", "real_val", "real_test", "synthetic")
        inputs |= {f"trunk_{name}": f"{model}.trunk_{name}" for name in images}
    train = update_wrapper(partial(train_at_ratio, ratio=ratio), train_at_ratio)
    return Node(train, inputs=inputs, outputs=scores, name=f"{model}_at_{ratio:g}".replace(".", "_"))

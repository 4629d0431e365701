from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.classification.nodes import draw_ratio_sweep, tabulate_ratio_sweep, train_at_ratio
from synthpath_kedro.pipelines.classification.pipeline import SPLITS, cache_features
from synthpath_kedro.pipelines.shared import bound, check_study_node, collect_sets_node
from synthpath_kedro.study.grid import Grid


def create_pipeline(grid: Grid) -> Pipeline:
    """Accuracy against the share of synthetic images in every batch, for the models that the run is about."""
    cached = [cache_features(model, list(grid.sets_of(model))) for model in grid.selected_models if grid.models[model]]
    sweeps = [
        _train_at(grid, model, name, ratio)
        for model in grid.selected_models
        for name in grid.sets_of(model)
        for ratio in grid.sweep_ratios
    ]
    scores = sorted(name for sweep in sweeps for name in sweep.outputs())
    study = [
        Node(tabulate_ratio_sweep, inputs=scores, outputs="ratio_sweep_table", name="tabulate_ratio_sweep"),
        Node(
            draw_ratio_sweep,
            inputs=["ratio_sweep_table", "data_card"],
            outputs="accuracy_by_ratio_figure",
            name="draw_ratio_sweep",
        ),
    ]
    sweep = Pipeline(study, namespace="ratio_sweep", prefix_datasets_with_namespace=False)
    nodes = [*sum([*cached, *sweeps], sweep).nodes, check_study_node(), collect_sets_node(grid)]
    return Pipeline(nodes, tags="ratio_sweep")


def _train_at(grid: Grid, model: str, name: str, ratio: float) -> Pipeline:
    trained = f"{model}_{name}_at_{ratio:g}".replace(".", "_")
    inputs = {
        "real_train": "real_train",
        "real_val": "real_val",
        "real_test": "real_test",
        "synthetic_sets": "synthetic_sets",
        "params": "params:classification",
        "training": "params:training",
        "seed": "params:seed",
        "scratch": "scratch",
        "logs": "logs",
        "study_check": "study_check",
    }
    if grid.models[model]:
        inputs |= {f"cached_{images}": f"{model}/cached_{images}" for images in (*SPLITS, name)}
    namespace = f"ratio_sweep.{trained}"
    node = Node(
        bound(train_at_ratio, model=model, name=name, ratio=ratio, namespace=namespace),
        inputs=inputs,
        outputs=f"{trained}_scores",
        name="train_and_score",
    )
    return Pipeline([node], namespace=namespace, prefix_datasets_with_namespace=False)

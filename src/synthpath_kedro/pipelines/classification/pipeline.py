from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.classification.nodes import (
    cache_features_of_set,
    cache_real_features,
    draw_training_history,
    filter_synthetic,
    train_classifier,
)
from synthpath_kedro.pipelines.shared import bound, check_study_node, collect_sets_node
from synthpath_kedro.study.grid import Cell, Grid

SPLITS = ("real_train", "real_val", "real_test")


def create_pipeline(grid: Grid) -> Pipeline:
    """The selected cells of the grid, and what is computed once for all cells of a model."""
    models = dict.fromkeys(cell.model for cell in grid.selected)
    of_sets = {
        model: sorted({cell.set for cell in grid.selected if cell.model == model and cell.set}) for model in models
    }
    parts = [cache_features(model, of_sets[model]) for model in models if grid.models[model]]
    parts += [_train_cell(grid, cell) for cell in grid.selected]
    if grid.filtering_model is not None:
        filtered = sorted({cell.set for cell in grid.selected if cell.set})
        parts += [_filter_set(grid, grid.filtering_model, name, of_sets) for name in filtered]
    shared = [check_study_node()]
    if any(of_sets.values()):
        shared.append(collect_sets_node(grid))
    return Pipeline([*sum(parts, Pipeline([])).nodes, *shared], tags="classification")


def cache_features(model: str, sets: list[str]) -> Pipeline:
    """What the frozen backbone of ``model`` computes for every real image and those of ``sets``, once."""
    common = {
        "params": "params:classification",
        "seed": "params:seed",
        "scratch": "scratch",
        "folder": "cached_features_folder",
    }
    nodes = [
        Node(
            bound(cache_real_features, model=model, name=name),
            inputs={"images": name, **common},
            outputs=f"{model}/cached_{name}",
            name=f"cache_{name}",
        )
        for name in SPLITS
    ]
    nodes += [
        Node(
            bound(cache_features_of_set, model=model, name=name),
            inputs={"synthetic_sets": "synthetic_sets", **common},
            outputs=f"{model}/cached_{name}",
            name=f"cache_{name}",
        )
        for name in sets
    ]
    namespace = f"classifiers.{model}.cached_features"
    return Pipeline(nodes, namespace=namespace, prefix_datasets_with_namespace=False)


def _filter_set(grid: Grid, model: str, name: str, of_sets: dict[str, list[str]]) -> Pipeline:
    inputs = {
        "classifier": f"{model}/real/classifier",
        "synthetic_sets": "synthetic_sets",
        "params": "params:classification",
    }
    if grid.models[model] and name in of_sets.get(model, ()):
        inputs["cached"] = f"{model}/cached_{name}"
    node = Node(
        bound(filter_synthetic, name=name),
        inputs=inputs,
        outputs=[grid.of_set("confidence_mask", name), grid.of_set("confidence_filtering_table", name)],
        name=f"filter_{name}",
    )
    return Pipeline([node], namespace=f"classifiers.{model}.filter", prefix_datasets_with_namespace=False)


def _train_cell(grid: Grid, cell: Cell) -> Pipeline:
    namespace = f"classifiers.{cell.namespace}"
    inputs = {
        "real_train": "real_train",
        "real_val": "real_val",
        "params": "params:classification",
        "training": "params:training",
        "seed": "params:seed",
        "scratch": "scratch",
        "logs": "logs",
        "study_check": "study_check",
    }
    cached = ["real_train", "real_val"]
    if cell.set:
        inputs["synthetic_sets"] = "synthetic_sets"
        cached.append(cell.set)
        if grid.filtering_model is not None:
            inputs["mask"] = grid.of_set("confidence_mask", cell.set)
    if grid.models[cell.model]:
        inputs |= {f"cached_{name}": f"{cell.model}/cached_{name}" for name in cached}
    classifier, history, figure = (f"{cell.name}/{name}" for name in ("classifier", "history", "history_figure"))
    nodes = [
        Node(
            bound(train_classifier, cell=cell),
            inputs=inputs,
            outputs=[classifier, history],
            name="train_classifier",
        ),
        Node(draw_training_history, inputs=[history, classifier], outputs=figure, name="draw_history"),
    ]
    return Pipeline(nodes, namespace=namespace, prefix_datasets_with_namespace=False)

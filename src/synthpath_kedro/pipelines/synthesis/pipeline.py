from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.shared import bound, check_study_node, collect_sets_node
from synthpath_kedro.pipelines.synthesis.nodes import draw_real_and_synthetic, export_synthetic, make_synthetic_set
from synthpath_kedro.study.grid import Grid


def create_pipeline(grid: Grid) -> Pipeline:
    """Every synthetic set of the study, whoever makes it."""
    shared = Pipeline([check_study_node(), collect_sets_node(grid)], tags="synthesis")
    return sum((_make_set(grid, name) for name in grid.sets), shared)


def _make_set(grid: Grid, name: str) -> Pipeline:
    synthetic, namespace = grid.of_set("synthetic", name), grid.of_set("synthesis", name).replace("/", ".")
    inputs = {
        "real_train": "real_train",
        "real_val": "real_val",
        "real_test": "real_test",
        "params": "params:synthesis",
        "seed": "params:seed",
        "scratch": "scratch",
        "existing": "synthetic_shards_at_hand",
        "evaluation": "params:evaluation",
    }
    # The user's own images are checked as they are read: not waiting, they are read before anything is trained.
    if not grid.sets[name].needs_path:
        inputs["study_check"] = "study_check"
    if grid.sets[name].needs_denoiser:
        inputs["denoiser"] = "denoiser"
        if grid.latent:
            inputs["autoencoder"] = "autoencoder"
    nodes = [
        Node(
            bound(make_synthetic_set, name=name, namespace=namespace, folder=grid.folder_of(name)),
            inputs=inputs,
            outputs=synthetic,
            name="make_synthetic_set",
        ),
        Node(
            draw_real_and_synthetic,
            inputs=["real_train", synthetic, "params:seed"],
            outputs=grid.of_set("real_and_synthetic_figure", name),
            name="draw_real_and_synthetic",
        ),
    ]
    if grid.exports:
        nodes.append(
            Node(
                export_synthetic,
                inputs=[synthetic, "data_card", "params:synthesis"],
                outputs=grid.of_set("synthetic_export", name),
                name="export_synthetic",
            )
        )
    return Pipeline(nodes, namespace=namespace, prefix_datasets_with_namespace=False, tags="synthesis")

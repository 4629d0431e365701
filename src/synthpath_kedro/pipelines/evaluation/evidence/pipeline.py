from collections.abc import Callable

from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.evaluation.evidence import generator_nodes as generator
from synthpath_kedro.pipelines.evaluation.evidence import table_nodes as tables
from synthpath_kedro.pipelines.shared import bound
from synthpath_kedro.study.grid import Grid

PARAMS, SEED = "params:evaluation", "params:seed"
SPLITS = ("real_train", "real_val", "real_test")


def create_pipeline(grid: Grid) -> Pipeline:
    """Every table of the study, from what the cells have left and from the images themselves."""
    nodes = [*_cell_tables(grid), *_features(grid), *_generator_tables(grid)]
    made = [name for node in nodes for name in node.outputs if name.endswith("_table")]
    nodes.append(
        Node(
            tables.collect_evidence,
            inputs={name.removesuffix("_table"): name for name in made},
            outputs="evidence",
            name="collect_evidence",
        )
    )
    return Pipeline(nodes, namespace="evidence", prefix_datasets_with_namespace=False, tags="report")


def _cell_tables(grid: Grid) -> list[Node]:
    cost = ["cells", "diffusion_history"] if grid.needs_denoiser else ["cells"]
    inputs: dict[str, tuple[Callable, list[str]]] = {
        "classification": (tables.tabulate_classification, ["cells"]),
        "color_baseline": (
            tables.tabulate_color_baseline,
            ["real_train", "real_test", "synthetic_sets", "params:classification"],
        ),
        "intervals": (tables.tabulate_intervals, ["cells", PARAMS, SEED]),
        "comparison": (bound(tables.tabulate_comparison, oracles=grid.oracles), ["cells", PARAMS]),
        "per_class": (tables.tabulate_classes, ["cells"]),
        "calibration": (tables.tabulate_calibration, ["cells", PARAMS]),
        "reliability": (tables.tabulate_reliability, ["cells", PARAMS]),
        "selective": (tables.tabulate_selective, ["cells", PARAMS]),
        "risk_coverage": (tables.tabulate_risk_coverage, ["cells"]),
        "conformal": (tables.tabulate_conformal, ["cells", PARAMS]),
        "synthetic_as_test": (tables.tabulate_synthetic_as_test, ["cells"]),
        "robustness": (tables.tabulate_robustness, ["cells"]),
        "robustness_curves": (tables.tabulate_robustness_curves, ["cells"]),
        "attack_summary": (tables.tabulate_attack_summary, ["cells"]),
        "masking": (tables.tabulate_masking, ["cells"]),
        "corruptions": (tables.tabulate_corruptions, ["cells"]),
        "corruption_means": (tables.tabulate_corruption_means, ["cells"]),
        "corruption_comparison": (
            bound(tables.tabulate_corruption_comparison, oracles=grid.oracles),
            ["cells", PARAMS],
        ),
        "knn_mixing": (tables.tabulate_knn_mixing, ["cells", PARAMS]),
        "cost": (tables.tabulate_cost, cost),
        "generators": (
            bound(tables.rank_generators, oracles=grid.oracles),
            ["fidelity_table", "privacy_table", "comparison_table", "classification_table"],
        ),
    }
    if grid.latent:
        inputs["reconstruction"] = (tables.tabulate_reconstruction, ["cells"])
    return [
        Node(function, inputs=needed, outputs=f"{table}_table", name=f"tabulate_{table}")
        for table, (function, needed) in inputs.items()
    ]


def _features(grid: Grid) -> list[Node]:
    common = {"params": PARAMS, "seed": SEED, "existing": "image_features_at_hand"}
    real = [
        Node(
            bound(generator.compute_image_features, name=name),
            inputs={"images": name, **common},
            outputs=f"image_features_{name}",
            name=f"compute_features_of_{name}",
        )
        for name in SPLITS
    ]
    synthetic = [
        Node(
            bound(generator.compute_set_features, name=name),
            inputs={"synthetic_sets": "synthetic_sets", **common},
            outputs=f"image_features_{name}",
            name=f"compute_features_of_{name}",
        )
        for name in grid.sets
    ]
    return [*real, *synthetic]


def _generator_tables(grid: Grid) -> list[Node]:
    features = {name: f"image_features_{name}" for name in (*SPLITS, *grid.sets)}
    nearest = {name: grid.of_set("nearest_training_images", name) for name in grid.sets}
    losses = {"denoiser_losses": "denoiser_losses"} if grid.needs_denoiser else {}
    nodes = [
        Node(
            generator.tabulate_fidelity,
            inputs={**features, "seed": SEED},
            outputs="fidelity_table",
            name="tabulate_fidelity",
        ),
        Node(
            generator.tabulate_planted_copies,
            inputs=["real_train", "real_val", features["real_train"], features["real_val"], PARAMS, SEED],
            outputs="planted_copies_table",
            name="tabulate_planted_copies",
        ),
        Node(
            generator.tabulate_privacy, inputs={**nearest, **losses}, outputs="privacy_table", name="tabulate_privacy"
        ),
    ]
    if grid.needs_denoiser:
        nodes.append(
            Node(
                generator.measure_denoiser_losses,
                inputs=["denoiser", "real_train", "real_val", PARAMS, SEED, *(["autoencoder"] if grid.latent else [])],
                outputs="denoiser_losses",
                name="measure_denoiser_losses",
            )
        )
    for name in grid.sets:
        nodes += [
            Node(
                bound(generator.find_nearest_training_images, name=name),
                inputs={
                    "real_train": "real_train",
                    "real_val": "real_val",
                    "synthetic_sets": "synthetic_sets",
                    "train_features": features["real_train"],
                    "val_features": features["real_val"],
                    "synthetic_features": features[name],
                    "params": PARAMS,
                    "seed": SEED,
                },
                outputs=nearest[name],
                name=f"find_nearest_training_images_of_{name}",
            ),
            Node(
                generator.draw_closest_pairs,
                inputs=[nearest[name], "real_train", "synthetic_sets", PARAMS, "params:report"],
                outputs=grid.of_set("closest_pairs_figure", name),
                name=f"draw_closest_pairs_of_{name}",
            ),
            Node(
                generator.draw_nearest_distances,
                inputs=nearest[name],
                outputs=grid.of_set("nearest_distances_figure", name),
                name=f"draw_nearest_distances_of_{name}",
            ),
        ]
    return nodes

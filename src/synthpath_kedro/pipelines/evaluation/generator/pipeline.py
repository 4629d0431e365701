from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.evaluation.generator.nodes import (
    draw_closest_pairs,
    draw_nearest_distances,
    find_nearest_training_images,
    measure_denoiser_losses,
    store_image_features,
    tabulate_fidelity,
    tabulate_privacy,
)

SETS = ("real_train", "real_val", "real_test", "synthetic")
PARAMS, SEED = "params:evaluation", "params:seed"
SYNTHETIC = ["synthetic_shards", "synthetic_manifest"]


def create_pipeline() -> Pipeline:
    train, val, test, synthetic = features = [f"image_features_{name}" for name in SETS]
    return Pipeline(
        [
            Node(
                store_image_features,
                ["real_train", "real_val", "real_test", *SYNTHETIC, PARAMS, "params:classification", SEED],
                features,
                name="store_image_features",
            ),
            Node(
                tabulate_fidelity,
                [train, val, test, synthetic, SEED],
                ["fidelity_table", "fidelity_per_class_table"],
                name="tabulate_fidelity",
            ),
            Node(
                find_nearest_training_images,
                ["real_train", "real_val", *SYNTHETIC, train, val, synthetic, PARAMS, SEED],
                "nearest_training_images",
                name="find_nearest_training_images",
            ),
            Node(
                measure_denoiser_losses,
                ["denoiser", "real_train", "real_val", PARAMS, SEED],
                "denoiser_losses",
                name="measure_denoiser_losses",
            ),
            Node(
                tabulate_privacy,
                ["nearest_training_images", "denoiser_losses"],
                "privacy_table",
                name="tabulate_privacy",
            ),
            Node(
                draw_closest_pairs,
                ["nearest_training_images", "real_train", *SYNTHETIC, PARAMS, "params:report"],
                "closest_pairs_figure",
                name="draw_closest_pairs",
            ),
            Node(
                draw_nearest_distances,
                "nearest_training_images",
                "nearest_distances_figure",
                name="draw_nearest_distances",
            ),
        ],
        tags="report",
    )

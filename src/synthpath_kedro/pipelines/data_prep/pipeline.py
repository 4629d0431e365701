from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.data_prep.nodes import (
    count_classes,
    draw_class_distribution,
    draw_sample_grid,
    prepare_images,
)


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                prepare_images,
                inputs=["params:data_prep", "params:seed", "raw_folder"],
                outputs=["real_train", "real_val", "real_test", "data_card"],
                name="prepare_images",
            ),
            Node(
                count_classes,
                inputs=["real_train", "real_val", "real_test"],
                outputs="class_distribution",
                name="count_classes",
            ),
            Node(
                draw_class_distribution,
                inputs=["class_distribution", "data_card"],
                outputs="class_distribution_figure",
                name="draw_class_distribution",
            ),
            Node(
                draw_sample_grid,
                inputs=["real_train", "params:seed"],
                outputs="sample_grid_figure",
                name="draw_sample_grid",
            ),
        ],
        namespace="data_prep",
        prefix_datasets_with_namespace=False,
        tags="data_prep",
    )

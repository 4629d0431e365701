from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.synthesis.nodes import (
    draw_real_and_synthetic,
    export_synthetic,
    generate_shards,
    write_manifest,
)


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                generate_shards,
                inputs=["denoiser", "real_train", "params:synthesis", "params:seed"],
                outputs="synthetic_shards",
                name="generate_shards",
            ),
            Node(
                write_manifest,
                inputs=["synthetic_shards", "denoiser"],
                outputs="synthetic_manifest",
                name="write_manifest",
            ),
            Node(
                export_synthetic,
                inputs=["synthetic_shards", "synthetic_manifest", "denoiser", "data_card", "params:synthesis"],
                outputs="synthetic_export",
                name="export_synthetic",
            ),
            Node(
                draw_real_and_synthetic,
                inputs=["real_train", "synthetic_shards", "synthetic_manifest", "params:seed"],
                outputs="real_and_synthetic_figure",
                name="draw_real_and_synthetic",
            ),
        ],
        tags="synthesis",
    )

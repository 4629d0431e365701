from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.diffusion.nodes import draw_denoiser_loss, draw_denoiser_samples, train_denoiser


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                train_denoiser,
                inputs=[
                    "real_train",
                    "real_val",
                    "params:diffusion",
                    "params:seed",
                    "diffusion_scratch",
                ],
                outputs=["denoiser", "diffusion_history", "denoiser_samples"],
                name="train_denoiser",
            ),
            Node(
                draw_denoiser_loss,
                inputs=["diffusion_history", "data_card"],
                outputs="denoiser_loss_figure",
                name="draw_denoiser_loss",
            ),
            Node(
                draw_denoiser_samples,
                inputs=["denoiser_samples", "data_card"],
                outputs="denoiser_samples_figure",
                name="draw_denoiser_samples",
            ),
        ],
        tags="diffusion",
    )

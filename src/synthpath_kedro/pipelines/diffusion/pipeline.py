from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.diffusion.nodes import (
    NAMESPACE,
    draw_denoiser_loss,
    draw_denoiser_samples,
    estimate_generator_cost,
    train_denoiser,
)
from synthpath_kedro.pipelines.shared import check_study_node
from synthpath_kedro.study.grid import Grid


def create_pipeline(grid: Grid) -> Pipeline:
    """The denoiser, where a synthetic set of the study is sampled from it."""
    if not grid.needs_denoiser:
        return Pipeline([])
    training = Pipeline(
        [
            Node(
                estimate_generator_cost,
                inputs=["data_card", "params:diffusion", "params:synthesis"],
                outputs="generator_cost",
                name="estimate_cost",
            ),
            Node(
                train_denoiser,
                inputs={
                    "real_train": "real_train",
                    "real_val": "real_val",
                    "params": "params:diffusion",
                    "training": "params:training",
                    "seed": "params:seed",
                    "scratch": "scratch",
                    "logs": "logs",
                    "study_check": "study_check",
                    "generator_cost": "generator_cost",
                },
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
        namespace=NAMESPACE,
        prefix_datasets_with_namespace=False,
        tags="diffusion",
    )
    return training + Pipeline([check_study_node()], tags="diffusion")

from kedro.pipeline import Node, Pipeline

from synthpath_kedro.pipelines.diffusion.nodes import (
    NAMESPACE,
    OF_AUTOENCODER,
    OF_LATENTS,
    draw_denoiser_loss,
    draw_denoiser_samples,
    draw_reconstruction,
    encode_images,
    estimate_generator_cost,
    make_autoencoder,
    reconstruct_images,
    train_denoiser,
)
from synthpath_kedro.pipelines.shared import bound, check_study_node
from synthpath_kedro.study.grid import Grid

TRAINED_ON = {
    "real_train": "real_train",
    "real_val": "real_val",
    "params": "params:diffusion",
    "training": "params:training",
    "seed": "params:seed",
    "scratch": "scratch",
    "logs": "logs",
    "study_check": "study_check",
    "generator_cost": "generator_cost",
}
LATENT = {name: name for name in ("autoencoder", "latents_real_train", "latents_real_val")}
"""What a denoiser in latent space is trained on besides."""


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
                inputs=TRAINED_ON | (LATENT if grid.latent else {}),
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
    encoding = _latent_space() if grid.latent else Pipeline([])
    return training + encoding + Pipeline([check_study_node()], tags="diffusion")


def _latent_space() -> Pipeline:
    """The autoencoder, the latents of the images that the denoiser learns, and what the autoencoder makes of others."""
    nodes = [
        Node(
            make_autoencoder,
            inputs=TRAINED_ON | {"existing": "autoencoders_at_hand"},
            outputs="autoencoder",
            name="make_autoencoder",
            namespace=OF_AUTOENCODER,
        ),
        *(
            Node(
                bound(encode_images, name=name),
                inputs=[name, "autoencoder", "params:diffusion", "scratch", "latents_at_hand"],
                outputs=f"latents_{name}",
                name="encode",
                namespace=f"{OF_LATENTS}.{name}",
            )
            for name in ("real_train", "real_val")
        ),
        Node(
            reconstruct_images,
            inputs=["real_test", "autoencoder"],
            outputs="reconstructed_test",
            name="reconstruct_images",
            namespace=NAMESPACE,
        ),
        Node(
            draw_reconstruction,
            inputs=["real_test", "reconstructed_test", "params:seed"],
            outputs="reconstruction_figure",
            name="draw_reconstruction",
            namespace=NAMESPACE,
        ),
    ]
    return Pipeline(nodes, tags="diffusion")

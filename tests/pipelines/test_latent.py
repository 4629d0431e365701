"""Latent diffusion from the autoencoder to the gate: what the pipelines add for it, and that pixel space has none."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from kedro.pipeline import Pipeline
from matplotlib.figure import Figure

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import Parameters
from synthpath_kedro.pipelines import diffusion, evaluation, synthesis
from synthpath_kedro.pipelines.classification.nodes import train_classifier
from synthpath_kedro.pipelines.diffusion.nodes import encode_images, train_denoiser
from synthpath_kedro.pipelines.evaluation.cell.nodes import predict_cell
from synthpath_kedro.pipelines.evaluation.evidence.generator_nodes import measure_denoiser_losses
from synthpath_kedro.pipelines.resampling import cross_validation, learning_curve
from synthpath_kedro.study.grid import Cell, Grid

OF_LATENTS = {"autoencoder", "latents_real_train", "latents_real_val", "reconstructed_test", "reconstruction_figure"}


@pytest.fixture
def latent(parameters: Parameters) -> Parameters:
    """The tiny environment's in latent space, one epoch each."""
    block = parameters.diffusion
    own = block.autoencoder.model_copy(update={"max_epochs": 1})
    changed = block.model_copy(update={"space": "latent", "autoencoder": own, "max_epochs": 1})
    return parameters.model_copy(update={"diffusion": changed})


@pytest.fixture
def train(run: Callable, splits: Splits, latent: Parameters, tmp_path: Path) -> Callable[..., dict]:
    """Runs the pipeline diffusion in latent space on what an earlier run left."""

    def run_diffusion(autoencoders: dict | None = None, latents: dict | None = None) -> dict:
        return run(
            diffusion.create_pipeline(Grid.from_parameters(latent)),
            **{"params:diffusion": latent.diffusion, "parameters": latent.model_dump()},
            **{f"real_{name}": images for name, images in splits},
            data_card=splits.card(),
            scratch=tmp_path / "scratch",
            logs=tmp_path / "logs",
            autoencoders_at_hand=autoencoders or {},
            latents_at_hand=latents or {},
        )

    return run_diffusion


def test_pixel_space_has_no_autoencoder_anywhere(parameters: Parameters) -> None:
    grid = Grid.from_parameters(parameters)
    for create in (diffusion, synthesis, evaluation):
        assert not OF_LATENTS & create.create_pipeline(grid).datasets()


def test_images_made_elsewhere_need_no_autoencoder(latent: Parameters) -> None:
    elsewhere = latent.synthesis.model_copy(update={"source": "npz", "path": "gan.npz"})
    assert Grid.from_parameters(latent).latent
    assert not Grid.from_parameters(latent.model_copy(update={"synthesis": elsewhere})).latent


def test_the_study_is_trained_and_tested_through_the_autoencoder(
    train: Callable, run: Callable, splits: Splits, latent: Parameters, parameters: Parameters, tmp_path: Path
) -> None:
    made = train()
    autoencoder, denoiser = made["autoencoder"], made["denoiser"]
    assert denoiser.card["encoder"] == {"name": "latent", "autoencoder": autoencoder.card["digest"]}
    assert made["latents_real_train"].tensors["latents"].shape == (30, 1, 4, 8, 8)
    assert isinstance(made["reconstruction_figure"], Figure)
    reconstructed = made["reconstructed_test"]
    np.testing.assert_array_equal(reconstructed.labels, splits.test.labels)
    assert reconstructed.images.shape == splits.test.images.shape
    error = (reconstructed.images.astype(float) - splits.test.images) ** 2
    expected = (10 * np.log10(255**2 / error.mean(axis=(1, 2, 3)))).mean()
    assert reconstructed.card["psnr"] == pytest.approx(expected)

    nine = latent.synthesis.model_copy(update={"n_images": 9, "shard_size": 6, "batch_size": 3, "num_steps": 2})
    synthetic = run(
        synthesis.create_pipeline(Grid.from_parameters(latent)),
        **{"params:synthesis": nine, "parameters": latent.model_dump()},
        **{f"real_{name}": images for name, images in splits},
        denoiser=denoiser,
        autoencoder=autoencoder,
        data_card=splits.card(),
        scratch=tmp_path / "scratch",
        synthetic_shards_at_hand={},
    )["synthetic"]
    assert synthetic.card.facts["space"] == "latent"
    assert synthetic.images.shape == (9, 16, 16, 3)

    losses = measure_denoiser_losses(denoiser, splits.train, splits.val, latent.evaluation, 0, autoencoder)
    assert np.isfinite(losses.tensors["real_train"]).all()
    again = train({"autoencoder.safetensors": autoencoder}, {"real_val.safetensors": made["latents_real_val"]})
    assert again["autoencoder"] is autoencoder
    assert again["latents_real_val"] is made["latents_real_val"]
    assert again["denoiser"].digest == denoiser.digest


def test_a_denoiser_is_not_trained_on_latents_of_another_autoencoder(
    train: Callable, splits: Splits, latent: Parameters, parameters: Parameters, tmp_path: Path
) -> None:
    made = train()
    other = Artifact(made["latents_real_val"].tensors, made["latents_real_val"].card | {"autoencoder": "another"})
    with pytest.raises(InputError, match="latents of real_val from autoencoder another"):
        train_denoiser(
            splits.train,
            splits.val,
            latent.diffusion,
            parameters.training,
            0,
            tmp_path / "scratch",
            tmp_path / "logs",
            {},
            {},
            made["autoencoder"],
            made["latents_real_train"],
            other,
        )
    splits.train.card["prepared"] = "q"
    with pytest.raises(InputError, match="real_train was made from data q, autoencoder from data p"):
        encode_images(splits.train, made["autoencoder"], latent.diffusion, tmp_path, {}, name="real_train")


def test_cells_without_a_set_are_tested_on_reconstructions_too(
    splits: Splits, parameters: Parameters, tmp_path: Path
) -> None:
    real = Cell("cnn", "real")
    classifier, *_ = train_classifier(
        splits.train,
        splits.val,
        parameters.classification,
        parameters.training,
        0,
        tmp_path / "scratch",
        tmp_path / "logs",
        {},
        cell=real,
    )
    inverted = splits.test.with_card(autoencoder="a")
    inverted = type(inverted)(255 - inverted.images, inverted.labels, inverted.class_names, None, inverted.card)
    predicted, features = predict_cell(
        classifier, splits.val, splits.test, {}, parameters.evaluation, 0, cell=real, reconstructed_test=inverted
    )
    assert predicted.tensors["reconstructed"].shape == predicted.tensors["real_test"].shape
    assert not np.array_equal(predicted.tensors["reconstructed"], predicted.tensors["real_test"])
    np.testing.assert_array_equal(predicted.tensors["reconstructed_labels"], splits.test.labels)
    assert predicted.card["autoencoder"] == "a"
    assert "reconstructed" not in features.tensors


def test_the_gate_is_part_of_evaluation_in_latent_space(latent: Parameters) -> None:
    pipeline = evaluation.create_pipeline(Grid.from_parameters(latent))
    assert "reconstruction_table" in pipeline.all_outputs()
    predicting = [node for node in pipeline.nodes if node.name.endswith(".predict")]
    tested = {node.namespace for node in predicting if "reconstructed_test" in node.inputs}
    assert tested == {"classifiers.cnn.real", "classifiers.resnet18.real"}


@pytest.mark.parametrize("study", [learning_curve, cross_validation])
def test_each_part_of_the_data_has_an_autoencoder_of_its_own(latent: Parameters, study: object) -> None:
    def autoencoders(pipeline: Pipeline) -> list[str]:
        return [name for node in pipeline.nodes for name in node.outputs if name.endswith("/autoencoder")]

    pipeline = study.create_pipeline(Grid.from_parameters(latent))
    denoisers = [name for node in pipeline.nodes for name in node.outputs if name.endswith("/denoiser")]
    assert sorted(autoencoders(pipeline)) == sorted(name.replace("denoiser", "autoencoder") for name in denoisers)
    assert "autoencoder" not in pipeline.inputs()

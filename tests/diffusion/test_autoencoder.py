import json
from pathlib import Path

import diffusers
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from synthpath_kedro.data.artifact import Artifact, read_artifact, write_artifact
from synthpath_kedro.diffusion.autoencoder import load_encoder, small_autoencoder
from synthpath_kedro.diffusion.autoencoder_training import AutoencoderTraining, make_autoencoder
from synthpath_kedro.diffusion.autoencoder_weights import check_autoencoder
from synthpath_kedro.diffusion.batches import to_denoiser_range, to_uint8
from synthpath_kedro.diffusion.encoder import PIXELS, encoded_shape
from synthpath_kedro.diffusion.latents import psnr, reconstruct
from synthpath_kedro.errors import InputError
from synthpath_kedro.hub import REVISIONS
from synthpath_kedro.parameters import TrainingParameters
from synthpath_kedro.training.checkpoint_io import SafetensorsCheckpointIO
from synthpath_kedro.training.loggers import TrainingLog

CLASSES = {
    "AutoencoderKL": {
        "block_out_channels": [8, 16],
        "down_block_types": ["DownEncoderBlock2D"] * 2,
        "up_block_types": ["UpDecoderBlock2D"] * 2,
        "norm_num_groups": 4,
        "latent_channels": 3,
    },
    "AutoencoderTiny": {
        "encoder_block_out_channels": [8, 8],
        "decoder_block_out_channels": [8, 8],
        "num_encoder_blocks": [1, 1],
        "num_decoder_blocks": [1, 1],
        "latent_channels": 3,
    },
}


@pytest.fixture(params=CLASSES)
def published(request, tmp_path):
    """One of diffusers' autoencoders with random weights, and the folder that it was saved to."""
    torch.manual_seed(0)
    network = getattr(diffusers, request.param)(**CLASSES[request.param]).eval()
    network.save_pretrained(tmp_path / "published")
    return network, tmp_path / "published"


def oracle_latents(network, x):
    encoded = network.encode(x)
    return encoded.latent_dist.mode() if hasattr(encoded, "latent_dist") else encoded.latents


def test_a_published_autoencoder_encodes_and_decodes_as_diffusers_does(published, tiles, latent_parameters, tmp_path):
    network, folder = published
    params = latent_parameters(autoencoder={"weights": str(folder), "latent_channels": 3})
    made = make_autoencoder(tiles, tiles, params, 0, tmp_path / "scratch")
    encoder = load_encoder(made)
    x = to_denoiser_range(tiles.images)
    with torch.no_grad():
        raw = oracle_latents(network, x)
        scaled = encoder.encode(x)
        mean, std = raw.mean((0, 2, 3), keepdim=True), raw.std((0, 2, 3), keepdim=True, correction=0)
        torch.testing.assert_close(scaled, (raw - mean) / std, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(encoder.decode(scaled), network.decode(raw).sample, rtol=1e-4, atol=1e-5)
    assert encoder.shape(8) == encoded_shape(params, 8) == (3, 4)
    assert encoder.bounded is False
    assert "history" not in made.card
    assert made.card["weights"] == str(folder)


def test_latents_have_unit_variance_in_every_channel(autoencoder, tiles):
    latents = load_encoder(autoencoder).encode(to_denoiser_range(tiles.images))
    torch.testing.assert_close(latents.mean((0, 2, 3)), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(latents.std((0, 2, 3), correction=0), torch.ones(4), atol=1e-4, rtol=0)


def test_an_image_does_not_depend_on_those_beside_it(autoencoder, tiles):
    encoder = load_encoder(autoencoder)
    x = to_denoiser_range(np.concatenate([tiles.images, tiles.images]))
    torch.testing.assert_close(encoder.encode(x)[25:26], encoder.encode(x[25:26]), rtol=1e-4, atol=1e-5)


def test_a_file_gives_back_the_same_encoder(autoencoder, tiles, tmp_path):
    write_artifact(tmp_path / "autoencoder.safetensors", autoencoder)
    again = load_encoder(read_artifact(tmp_path / "autoencoder.safetensors"))
    x = to_denoiser_range(tiles.images)
    assert torch.equal(again.encode(x), load_encoder(autoencoder).encode(x))
    assert again.card == {"name": "latent", "autoencoder": autoencoder.card["digest"]}


def test_without_an_autoencoder_there_are_pixels():
    assert load_encoder(None) is PIXELS


def test_training_lowers_the_error_of_reconstructions(tiles, latent_parameters, tmp_path):
    params = latent_parameters(autoencoder={"max_epochs": 40, "learning_rate": 5e-3})
    made = make_autoencoder(tiles, tiles, params, 0, tmp_path / "scratch")
    losses = [row["val_loss"] for row in made.card["history"]]
    assert [row["epoch"] for row in made.card["history"]] == list(range(1, 41))
    assert losses[-1] < 0.6 * losses[0]
    reconstructed = reconstruct(load_encoder(made), tiles.images)
    error = np.abs(reconstructed.astype(float) - tiles.images).mean() / 127.5
    assert error == pytest.approx(losses[-1], abs=0.01)


def test_the_validation_loss_is_that_of_diffusers_own_forward_pass(tiles, latent_parameters):
    params = latent_parameters()
    torch.manual_seed(0)
    network = diffusers.AutoencoderKL.from_config(small_autoencoder(params.autoencoder)).eval()
    module = AutoencoderTraining(network, params.autoencoder, False, 1, 0)
    logged = {}
    module.log = lambda name, value, **_: logged.update({name: float(value)})
    x = to_denoiser_range(tiles.images)
    with torch.no_grad():
        module.validation_step((x, torch.zeros(20)), 0)
        expected = (network(x, sample_posterior=False).sample - x).abs().mean()
    assert logged["val_loss"] == pytest.approx(float(expected))


def test_resumed_training_equals_uninterrupted_training(tiles, latent_parameters, tmp_path, monkeypatch):
    params = latent_parameters(autoencoder={"max_epochs": 3})
    whole = make_autoencoder(tiles, tiles, params, 0, tmp_path / "whole")
    original = AutoencoderTraining.training_step

    def step(self, batch, index):
        if self.current_epoch == 1 and index == 1:
            raise InterruptedError
        return original(self, batch, index)

    monkeypatch.setattr(AutoencoderTraining, "training_step", step)
    with pytest.raises(InterruptedError):
        make_autoencoder(tiles, tiles, params, 0, tmp_path / "parts")
    monkeypatch.setattr(AutoencoderTraining, "training_step", original)
    resumed = make_autoencoder(tiles, tiles, params, 0, tmp_path / "parts")
    assert resumed.digest == whole.digest
    assert resumed.card == whole.card
    again = make_autoencoder(tiles, tiles, params, 0, tmp_path / "parts")  # its result was lost
    assert again.digest == whole.digest


@pytest.mark.parametrize(("minutes", "saved"), [(0, 3), (60, 1)])
def test_checkpoints_are_saved_by_the_clock(minutes, saved, tiles, latent_parameters, tmp_path, monkeypatch):
    epochs, save = [], SafetensorsCheckpointIO.save_checkpoint

    def noted(self, checkpoint, *arguments, **options):
        epochs.append(checkpoint["epoch"])
        save(self, checkpoint, *arguments, **options)

    monkeypatch.setattr(SafetensorsCheckpointIO, "save_checkpoint", noted)
    log = TrainingLog.of(TrainingParameters(logger="none", checkpoint_minutes=minutes), tmp_path / "logs")
    params = latent_parameters(autoencoder={"max_epochs": 3})
    make_autoencoder(tiles, tiles, params, 0, tmp_path / "scratch", log)
    assert len(epochs) == saved


def test_another_seed_gives_other_weights(tiles, latent_parameters, tmp_path):
    made = [make_autoencoder(tiles, tiles, latent_parameters(), seed, tmp_path / str(seed)) for seed in (0, 1)]
    assert made[0].digest != made[1].digest


def test_an_image_size_that_cannot_be_halved_so_often_is_refused(tiles, latent_parameters, tmp_path):
    params = latent_parameters(autoencoder={"downsample": 16})
    with pytest.raises(InputError, match=r"data_prep.image_size is 8, .* diffusion.autoencoder.downsample 16"):
        make_autoencoder(tiles, tiles, params, 0, tmp_path)


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"latent_channels": 4}, "diffusion.autoencoder.latent_channels is 4, but that of .* is 3; set it to 3"),
        ({"downsample": 8, "latent_channels": 3}, "diffusion.autoencoder.downsample is 8, but that of .* is 2"),
    ],
)
def test_an_autoencoder_of_another_layout_is_refused(published, stated, message, latent_parameters):
    params = latent_parameters(autoencoder={"weights": str(published[1]), **stated})
    with pytest.raises(InputError, match=message):
        check_autoencoder(params.autoencoder)


def test_what_is_no_folder_of_an_autoencoder_is_refused_in_one_line(published, latent_parameters, tmp_path):
    def refused(folder: Path) -> str:
        params = latent_parameters(autoencoder={"weights": str(folder), "latent_channels": 3})
        with pytest.raises(InputError) as error:
            check_autoencoder(params.autoencoder)
        assert "\n" not in str(error.value)
        return str(error.value)

    _, folder = published
    assert "which is not a folder; valid: train, pretrained, hf-hub:owner/name, or a" in refused(tmp_path / "nowhere")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"_class_name": "VQModel"}))
    assert "is of a VQModel; valid: AutoencoderKL, AutoencoderTiny" in refused(folder)
    (folder / "config.json").write_text("{}")
    assert "is not the configuration of an autoencoder of diffusers" in refused(folder)
    (folder / "config.json").unlink()
    assert "which has no config.json; valid" in refused(folder)


def test_damaged_or_foreign_weights_are_refused(published, tiles, latent_parameters, tmp_path):
    _, folder = published
    params = latent_parameters(autoencoder={"weights": str(folder), "latent_channels": 3})
    file = folder / "diffusion_pytorch_model.safetensors"
    tensors = {name: array.numpy() for name, array in load_file(file).items()}
    first = next(name for name in tensors if name.startswith("decoder"))
    write_artifact(file, Artifact({name: array for name, array in tensors.items() if name != first}))
    with pytest.raises(InputError, match=f"lacks 1 tensors of its config.json, such as {first}"):
        make_autoencoder(tiles, tiles, params, 0, tmp_path / "scratch")
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(InputError, match="cannot be loaded"):
        make_autoencoder(tiles, tiles, params, 0, tmp_path / "scratch")


def test_a_hub_out_of_reach_is_one_error_with_ways_out(latent_parameters, tiles, monkeypatch, tmp_path):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("synthpath_kedro.hub.is_reachable", lambda url: False)
    params = latent_parameters(autoencoder={"weights": "pretrained"})
    with pytest.raises(InputError) as error:
        make_autoencoder(tiles, tiles, params, 0, tmp_path / "scratch")
    message = str(error.value)
    assert message.startswith("diffusion.autoencoder: config.json of stabilityai/sd-vae-ft-mse is not in the cache")
    assert "diffusion.autoencoder.weights=train" in message
    assert "\n" not in message


def test_a_repository_of_ones_own_needs_a_revision(latent_parameters, tiles, tmp_path):
    params = latent_parameters(autoencoder={"weights": "hf-hub:someone/vae"})
    with pytest.raises(InputError, match=r"diffusion.autoencoder.revision is null and no commit of someone/vae"):
        make_autoencoder(tiles, tiles, params, 0, tmp_path / "scratch")
    assert len(REVISIONS["stabilityai/sd-vae-ft-mse"]) == 40


def test_without_diffusers_one_line_says_how_to_install_it(latent_parameters, monkeypatch):
    monkeypatch.setattr("synthpath_kedro.diffusion.autoencoder.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install "synthpath-kedro\[latent\]".*set diffusion.space to pixel'):
        check_autoencoder(latent_parameters().autoencoder)


def test_a_damaged_autoencoder_is_refused(autoencoder):
    changed = {name: array + 1 for name, array in autoencoder.tensors.items()}
    with pytest.raises(InputError, match="the autoencoder's weights are not those that were saved"):
        load_encoder(Artifact(changed, autoencoder.card))


def test_psnr_is_that_of_the_formula():
    black = np.zeros((2, 4, 4, 3), np.uint8)
    gray = np.stack([black[0] + 10, black[1]])
    assert psnr(black, gray)[0] == pytest.approx(28.1308, abs=1e-4)  # 10 log10(65025 / 100)
    assert psnr(black, gray)[1] == np.inf


def test_what_reconstruct_gives_is_decoded_from_the_latents(autoencoder, tiles):
    encoder = load_encoder(autoencoder)
    expected = to_uint8(encoder.decode(encoder.encode(to_denoiser_range(tiles.images))))
    np.testing.assert_array_equal(reconstruct(encoder, tiles.images), expected)


def test_an_autoencoder_at_hand_is_taken_where_it_is_the_same(autoencoder, tiles, latent_parameters, tmp_path):
    def make(**changes):
        return make_autoencoder(tiles, tiles, latent_parameters(**changes), 0, tmp_path / "s", existing=[autoencoder])

    assert make(learning_rate=1.0) is autoencoder
    assert make(autoencoder={"kl_weight": 0.5}).digest != autoencoder.digest

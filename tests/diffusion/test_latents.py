import numpy as np
import pytest
import torch

from synthpath_kedro.diffusion.autoencoder import load_encoder
from synthpath_kedro.diffusion.batches import to_denoiser_range, training_batches, validation_batches
from synthpath_kedro.diffusion.checkpoint import load_denoiser
from synthpath_kedro.diffusion.latents import LATENTS, encode_both, encode_images
from synthpath_kedro.diffusion.synthesis import generate_shards
from synthpath_kedro.diffusion.training import train_denoiser
from synthpath_kedro.errors import InputError


@pytest.fixture
def encoder(autoencoder):
    return load_encoder(autoencoder)


@pytest.fixture
def stored(encoder, tiles, tmp_path):
    def store(augment):
        return encode_both(tiles, tiles, encoder, augment, tmp_path)

    return store


def test_stored_latents_are_those_of_each_position(encoder, tiles, tmp_path):
    artifact = encode_images(tiles, encoder, True, tmp_path / "latents.safetensors")
    latents = artifact.tensors[LATENTS]
    assert isinstance(latents, np.memmap)
    assert latents.shape == (20, 8, 4, 4, 4)
    turned = {0: tiles.images, 1: tiles.images[:, ::-1], 4: tiles.images.transpose(0, 2, 1, 3)}
    for position, images in turned.items():
        expected = encoder.encode(to_denoiser_range(images)).numpy()
        np.testing.assert_allclose(latents[:, position], expected, atol=2e-3)
    assert artifact.card["key"]["encoder"] == encoder.card


def test_latents_at_hand_are_taken_where_they_are_the_same(encoder, tiles, tmp_path):
    first = encode_images(tiles, encoder, False, tmp_path / "first.safetensors")
    assert encode_images(tiles, encoder, False, tmp_path / "second.safetensors", first) is first
    assert not (tmp_path / "second.safetensors").exists()
    other = encode_images(tiles, encoder, True, tmp_path / "second.safetensors", first)
    assert other.tensors[LATENTS].shape[1] == 8


def test_batches_of_stored_latents_hold_the_same_images_as_batches_of_images(stored, tiles):
    latents = stored(augment=False)
    of_images = list(training_batches(tiles, 6, 3))
    of_latents = list(training_batches(tiles, 6, 3, latents=latents.train))
    assert [labels.tolist() for _, labels in of_images] == [labels.tolist() for _, labels in of_latents]
    seen = np.concatenate([batch.numpy() for batch, _ in validation_batches(tiles, 6, latents.val)])
    np.testing.assert_array_equal(seen, latents.val[:, 0].astype(np.float32))


def test_augmented_images_are_shown_in_all_positions(stored, tiles):
    latents = stored(augment=True).train
    batches = training_batches(tiles, 20, 0, latents=latents)
    positions = set()
    for epoch in range(8):
        batches.sampler.set_epoch(epoch)
        for batch, _ in batches:
            for latent in batch.numpy():
                found = np.argwhere((latents == latent.astype(np.float16)).all(axis=(2, 3, 4)))
                positions |= {int(position) for _, position in found}
    assert positions == set(range(8))


@pytest.mark.parametrize("augment", [False, True])
def test_resumed_training_on_latents_equals_uninterrupted_training(
    augment, stored, encoder, tiles, latent_parameters, tmp_path, interrupt_training
):
    params, latents = latent_parameters(augment=augment), stored(augment)
    whole = train_denoiser(tiles, tiles, params, 0, tmp_path / "whole", encoder=encoder, latents=latents)
    interrupt_training(2)
    with pytest.raises(InterruptedError):
        train_denoiser(tiles, tiles, params, 0, tmp_path / "parts", encoder=encoder, latents=latents)
    resumed = train_denoiser(tiles, tiles, params, 0, tmp_path / "parts", encoder=encoder, latents=latents)
    assert resumed.checkpoint.digest == whole.checkpoint.digest
    assert resumed.samples[3].shape == (12, 8, 8, 3)
    assert whole.checkpoint.card["encoder"] == encoder.card
    assert whole.checkpoint.card["parameters"]["space"] == "latent"


def test_training_on_stored_latents_is_training_on_encoded_batches(stored, encoder, tiles, latent_parameters, tmp_path):
    params = latent_parameters(augment=False, denoiser={"dropout": 0.0})
    on_stored = train_denoiser(tiles, tiles, params, 0, tmp_path / "a", encoder=encoder, latents=stored(False))
    encoded = train_denoiser(tiles, tiles, params, 0, tmp_path / "b", encoder=encoder)
    np.testing.assert_allclose(on_stored.history.val_loss, encoded.history.val_loss, rtol=2e-2)


def test_a_shard_has_the_same_bytes_whatever_was_made_before_it(
    stored, encoder, tiles, latent_parameters, synthesis_parameters, tmp_path
):
    params = latent_parameters(max_epochs=1, augment=False)
    trained = train_denoiser(tiles, tiles, params, 0, tmp_path / "s", encoder=encoder, latents=stored(False))
    settings = synthesis_parameters(n_images=10, shard_size=4, batch_size=2)

    def shards(folder):
        return generate_shards(trained.checkpoint, np.ones(3), settings, 0, tmp_path / folder, encoder=encoder)

    whole, parts = shards("whole"), shards("parts")
    (tmp_path / "parts/shard_00001.safetensors").unlink()
    again = shards("parts")
    for name, artifact in whole.items():
        assert artifact.tensors["images"].shape[1:] == (8, 8, 3)
        for other in (parts[name], again[name]):
            np.testing.assert_array_equal(artifact.tensors["images"], other.tensors["images"])


def test_a_denoiser_of_another_autoencoder_is_refused(
    stored, encoder, tiles, latent_parameters, make_small_autoencoder, tmp_path
):
    params = latent_parameters(max_epochs=1, augment=False)
    trained = train_denoiser(tiles, tiles, params, 0, tmp_path / "s", encoder=encoder, latents=stored(False))
    other = load_encoder(make_small_autoencoder(seed=1))
    names = f"latent {encoder.card['autoencoder'][:12]}, not latent {other.card['autoencoder'][:12]}"
    with pytest.raises(InputError, match=names):
        load_denoiser(trained.checkpoint, torch.device("cpu"), other)

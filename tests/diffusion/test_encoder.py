import numpy as np
import pytest
import torch
from torch.nn import functional

from synthpath_kedro.diffusion.checkpoint import load_denoiser
from synthpath_kedro.diffusion.encoder import PIXELS
from synthpath_kedro.diffusion.membership import image_losses
from synthpath_kedro.diffusion.synthesis import generate_shards
from synthpath_kedro.diffusion.training import train_denoiser
from synthpath_kedro.errors import InputError


class Halved:
    """Averages 2 x 2 pixels and, as a fourth channel, keeps their mean over colors; decodes by repetition."""

    card = {"name": "halved"}
    bounded = False

    def shape(self, image_size):
        return 4, image_size // 2

    def encode(self, images):
        small = functional.avg_pool2d(images, 2)
        return torch.cat([small, small.mean(1, keepdim=True)], 1)

    def decode(self, latents):
        return latents[:, :3].repeat_interleave(2, 2).repeat_interleave(2, 3)


@pytest.fixture
def trained(tiles, diffusion_parameters, tmp_path):
    params = diffusion_parameters(max_epochs=2, sample_every=1)
    return train_denoiser(tiles, tiles, params, 0, tmp_path / "scratch", encoder=Halved())


def test_a_denoiser_learns_latents_and_its_samples_are_decoded(trained):
    assert trained.checkpoint.card["encoder"] == {"name": "halved"}
    assert trained.checkpoint.tensors["network.conv_in.weight"].shape[1] == 4
    for images in trained.samples.values():
        assert images.shape == (12, 8, 8, 3)
        assert np.array_equal(images[:, ::2, ::2], images[:, 1::2, 1::2])


def test_a_synthetic_set_is_decoded(trained, synthesis_parameters, tmp_path):
    params = synthesis_parameters(sampler="ddpm")
    shards = generate_shards(trained.checkpoint, np.ones(3), params, 0, tmp_path, encoder=Halved())
    shard = shards["shard_00000.safetensors"]
    images = shard.tensors["images"]
    assert images.shape == (4, 8, 8, 3)
    assert np.array_equal(images[:, ::2, ::2], images[:, 1::2, 1::2])
    assert shard.card["key"]["encoder"] == {"name": "halved"}
    assert shard.card["key"]["parameters"]["clip_denoised"] is False


def test_single_images_have_a_loss_in_latent_space(trained, tiles):
    denoiser = load_denoiser(trained.checkpoint, encoder=Halved())
    assert np.isfinite(image_losses(denoiser, tiles.images, tiles.labels, 2, 20, Halved())).all()


def test_a_denoiser_of_another_space_is_refused(trained, synthesis_parameters, tmp_path):
    with pytest.raises(InputError, match="was trained with encoder halved, not pixel"):
        generate_shards(trained.checkpoint, np.ones(3), synthesis_parameters(), 0, tmp_path)


def test_in_pixel_space_nothing_is_encoded():
    images = torch.rand(2, 3, 4, 4)
    assert PIXELS.encode(images) is images
    assert PIXELS.decode(images) is images
    assert PIXELS.shape(64) == (3, 64)

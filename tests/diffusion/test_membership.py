import numpy as np
import pytest
import torch
from torch import nn

from synthpath_kedro.diffusion.batches import to_denoiser_range
from synthpath_kedro.diffusion.denoiser import Denoiser, make_denoiser
from synthpath_kedro.diffusion.membership import image_losses
from synthpath_kedro.diffusion.parameterization import make_parameterization


@pytest.fixture(params=["epsilon", "v", "edm"])
def denoiser(request, diffusion_parameters):
    torch.manual_seed(0)
    return make_denoiser(diffusion_parameters(parameterization=request.param), 3, 8).eval()


def test_the_mean_over_images_is_the_training_loss_at_the_same_levels_without_noise(denoiser, tiles):
    found = image_losses(denoiser, tiles.images, tiles.labels, n_levels=2, batch_size=7)
    x0, labels = to_denoiser_range(tiles.images), torch.from_numpy(tiles.labels)
    levels = denoiser.parameterization.training_levels(torch.tensor([0.25, 0.75]))
    losses = []
    for k in range(2):
        same = levels[k]
        with torch.no_grad():
            many = type(same)(*(value.expand(len(x0)) for value in (same.time, same.alpha, same.sigma)))
            losses.append(float(denoiser.loss(x0, torch.zeros_like(x0), many, labels)))
    assert found.mean() == pytest.approx(np.mean(losses), rel=1e-3)


def test_of_a_network_that_predicts_noise_it_is_the_square_of_what_it_predicts(diffusion_parameters, tiles):
    torch.manual_seed(0)
    denoiser = make_denoiser(diffusion_parameters(parameterization="epsilon"), 3, 8).eval()
    x0, labels = to_denoiser_range(tiles.images), torch.from_numpy(tiles.labels)
    level = denoiser.parameterization.training_levels(torch.tensor([0.5]))
    with torch.no_grad():
        noise = denoiser.network(level.alpha.float() * x0, level.time.float().expand(20), labels)
    expected = (noise**2).mean(dim=(1, 2, 3)).numpy()
    assert image_losses(denoiser, tiles.images, tiles.labels, 1, 20) == pytest.approx(expected, rel=1e-3)


def test_an_images_loss_depends_neither_on_its_batch_nor_on_the_others(denoiser, tiles):
    everything = image_losses(denoiser, tiles.images, tiles.labels, 2, 20)
    part = image_losses(denoiser, tiles.images[5:8], tiles.labels[5:8], 2, 2)
    assert part == pytest.approx(everything[5:8], rel=1e-4)


class Memory(nn.Module):
    """Answers with the noise that would lead back to the nearest of the images it keeps: an over-fitted network."""

    def __init__(self, images, parameterization):
        super().__init__()
        self.images, self.parameterization = nn.Parameter(images), parameterization

    def forward(self, x, time, labels):
        alpha_bar = self.parameterization.alphas_cumprod[time.long()].float()[:, None, None, None]
        distances = ((x[:, None] - alpha_bar[:, None].sqrt() * self.images[None]) ** 2).flatten(2).sum(2)
        nearest = self.images[distances.argmin(1)]
        return (x - alpha_bar.sqrt() * nearest) / (1 - alpha_bar).sqrt()


def test_a_network_that_memorized_images_has_lower_loss_on_them(diffusion_parameters, tiles):
    parameterization = make_parameterization(diffusion_parameters(parameterization="epsilon"))
    memory = Memory(to_denoiser_range(tiles.images[:10]), parameterization)
    losses = image_losses(Denoiser(memory, parameterization, 3), tiles.images, tiles.labels, 4, 20)
    assert losses[:10].max() < losses[10:].min()


@pytest.mark.slow
def test_a_really_over_fitted_denoiser_gives_its_training_images_away(diffusion_parameters, tmp_path):
    from synthpath_kedro.data.sources.phantom import render_phantom
    from synthpath_kedro.diffusion.checkpoint import load_denoiser
    from synthpath_kedro.diffusion.training import train_denoiser
    from synthpath_kedro.metrics.membership import ScoredImages, membership_inference
    from synthpath_kedro.parameters import PhantomParameters

    splits = render_phantom(PhantomParameters(n_train=18, n_val=18, n_test=18, stain_shift=0.0), 16, 0)
    params = diffusion_parameters(
        denoiser={"base_channels": 16, "attention_resolutions": (8,), "dropout": 0.0},
        max_epochs=40,
        batch_size=18,
        sample_every=10_000,
        augment=False,
        class_dropout_prob=0.0,
    )
    again_and_again = splits.train.select(np.tile(np.arange(18), 20))
    trained = train_denoiser(again_and_again, splits.val, params, 0, tmp_path / "scratch")
    denoiser = load_denoiser(trained.checkpoint)
    train, held_out = (
        ScoredImages(image_losses(denoiser, part.images, part.labels, 8, 18), part.labels)
        for part in (splits.train, splits.test)
    )
    assert membership_inference(train, held_out).auc.low > 0.5

import itertools

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.stats import multivariate_normal

from synthpath_kedro.diffusion.parameterization import Karras, NoiseLevels
from synthpath_kedro.diffusion.textures import Textures
from synthpath_kedro.training.seeding import seeded_generator

SIZE = 4


def level(sigma, alpha=1.0):
    one = torch.ones(1, dtype=torch.float64)
    return NoiseLevels(0 * one, alpha * one, sigma * one)


def random_textures(size=SIZE, n=2):
    """Two textures of each of two labels, unlike in mean, spectrum and share."""
    generator = torch.Generator().manual_seed(1)
    textures = Textures(n, 2, 3, size)
    textures.colors.copy_(torch.linalg.qr(torch.randn(3, 3, generator=generator)).Q)
    textures.means.copy_(torch.randn(2, n, 3, generator=generator) / 2)
    # Of a real field: a coefficient and its mirror have one variance.
    power = torch.rand(2, n, 3, size, size, generator=generator) + 0.05
    mirrored = power.flip(-1, -2).roll((1, 1), (-1, -2))
    textures.spectra.copy_(((power + mirrored) / 2)[..., : size // 2 + 1])
    textures.log_shares.copy_(torch.tensor([[0.3, 0.7], [0.5, 0.5]]).log())
    return textures


def dense(textures, label, texture):
    """Mean and covariance of all pixels of a field, from the inverse transform of each single coefficient."""
    size = textures.size
    fields, variances = [], []
    for channel, row, column in itertools.product(range(3), range(size), range(size)):
        k = 2 * np.pi * (row * np.arange(size)[:, None] + column * np.arange(size)) / size
        mirror = column if column <= size // 2 else size - column
        mirror_row = row if column <= size // 2 else -row % size
        variance = float(textures.spectra[label, texture, channel, mirror_row, mirror])
        for wave in (np.cos(k), np.sin(k)):  # a coefficient and its mirror both count, each for half
            color = textures.colors[channel].numpy()[:, None, None]
            fields.append((color * wave / size).ravel())
            variances.append(variance)
    basis = np.array(fields)
    mean = np.repeat((textures.means[label, texture] @ textures.colors).numpy(), size * size)
    return mean.astype(np.float64), (basis.T * variances) @ basis


@pytest.mark.parametrize(("alpha", "sigma"), [(1.0, 0.05), (1.0, 0.7), (0.6, 0.8), (1.0, 30.0)])
def test_the_estimate_is_the_posterior_mean_of_a_gaussian_mixture(alpha, sigma):
    textures = random_textures()
    labels = torch.tensor([0, 1, 0])
    x = torch.randn(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(2))
    estimate, error = textures.estimate(x, level(sigma, alpha), labels)
    for image, label, ours, our_error in zip(x.numpy(), labels.tolist(), estimate.numpy(), error.ravel(), strict=True):
        weights, means, errors = [], [], []
        for texture in range(2):
            mean, covariance = dense(textures, label, texture)
            noisy = alpha**2 * covariance + sigma**2 * np.eye(len(mean))
            gain = alpha * covariance @ np.linalg.inv(noisy)
            log_density = multivariate_normal(alpha * mean, noisy).logpdf(image.ravel())
            weights.append(float(textures.log_shares[label, texture]) + log_density)
            means.append(mean + gain @ (image.ravel() - alpha * mean))
            errors.append(np.trace(covariance - alpha * gain @ covariance) / len(mean))
        share = np.exp(weights - np.logaddexp.reduce(weights))
        np.testing.assert_allclose(ours.ravel(), share @ np.array(means), atol=2e-4)
        assert float(our_error) == pytest.approx(np.sqrt(share @ errors), rel=1e-3)


def test_one_texture_of_white_noise_is_the_skip_connection_of_karras():
    textures = Textures(1, 1, 3, 8)
    textures.spectra.fill_(Karras().sigma_data ** 2)
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    levels = Karras().at_sigma(0.9)
    estimate, error = textures.estimate(x, levels, torch.tensor([0, 0]))
    c = Karras().precondition(levels)
    torch.testing.assert_close(estimate, c.c_skip.float() * x)
    torch.testing.assert_close(error.ravel(), c.c_out.float().expand(2))


def stripes(n, generator, across, mean):
    """Fields that vary along one axis only, but for a little noise."""
    wave = torch.randn(n, 3, 1, 16, generator=generator).cumsum(3)
    wave = 0.2 * (wave - wave.mean(3, keepdim=True)).expand(n, 3, 16, 16)
    field = wave if across else wave.transpose(2, 3)
    return field + mean + 0.05 * torch.randn(n, 3, 16, 16, generator=generator)


def test_directions_of_one_class_become_textures_of_their_own():
    generator = torch.Generator().manual_seed(0)
    mixed = torch.cat([stripes(60, generator, True, 0.2), stripes(20, generator, False, 0.2)])
    other = torch.randn(30, 3, 16, 16, generator=generator) * 0.3
    textures = Textures(2, 3, 3, 16)
    textures.fit([mixed, other, torch.cat([mixed, other])], seed=0)
    shares = textures.log_shares[0].exp()
    assert sorted(shares.tolist()) == pytest.approx([0.25, 0.75], abs=0.02)
    frequent = int(shares.argmax())
    vertical, horizontal = textures.spectra[0, frequent, :, 0, 3].mean(), textures.spectra[0, frequent, :, 3, 0].mean()
    assert vertical > 20 * horizontal
    assert textures.spectra[0, 1 - frequent, :, 0, 3].mean() < 0.2 * textures.spectra[0, 1 - frequent, :, 3, 0].mean()
    torch.testing.assert_close(textures.means[0] @ textures.colors, torch.full((2, 3), 0.2), atol=0.02, rtol=0)
    assert float(textures.spectra[1, :, :, 4:, 4:].mean()) == pytest.approx(0.09, rel=0.1)


def test_noise_is_removed_as_well_as_the_textures_promise():
    generator = torch.Generator().manual_seed(3)
    images = stripes(200, generator, True, -0.1)
    textures = Textures(2, 2, 3, 16)
    textures.fit([images[:100], images[:100]], seed=0)
    noisy = images[100:] + 0.3 * torch.randn(100, 3, 16, 16, generator=generator)
    estimate, promised = textures.estimate(noisy, level(0.3), torch.zeros(100, dtype=torch.long))
    rms = (estimate - images[100:]).square().mean().sqrt()
    assert rms < 0.12
    assert float(rms) == pytest.approx(float(promised.mean()), rel=0.25)


def test_fitting_depends_on_its_seed_alone_and_leaves_the_global_generator():
    images = torch.randn(20, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 0.3

    def fitted(seed):
        textures = Textures(3, 2, 3, 8)
        textures.fit([images, images], seed)
        return textures.state_dict()

    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = fitted(0)
    assert torch.rand(1) == expected
    torch.manual_seed(6)
    again = fitted(0)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["spectra"], fitted(1)["spectra"])


def test_few_equal_or_no_images_give_finite_textures():
    one = torch.full((1, 3, 8, 8), 0.5)
    textures = Textures(4, 3, 3, 8)
    textures.fit([one, one[:0], one], seed=0)
    assert all(bool(torch.isfinite(buffer).all()) for buffer in textures.buffers())
    x = torch.randn(2, 3, 8, 8, generator=seeded_generator(0))
    estimate, _ = textures.estimate(x, level(0.5), torch.tensor([0, 1]))
    torch.testing.assert_close(estimate.mean((2, 3)), torch.full((2, 3), 0.5), atol=0.05, rtol=0)


def test_textures_go_with_edm_alone(diffusion_parameters):
    with pytest.raises(ValidationError, match="textures 3 go with parameterization edm, not epsilon"):
        diffusion_parameters(parameterization="epsilon", textures=3)

"""The samplers on data whose exact denoiser is known: a mixture of Gaussians over three-pixel 'images'."""

import math

import pytest
import torch

from synthpath_kedro.diffusion.noise_schedule import cosine_betas, linear_betas
from synthpath_kedro.diffusion.parameterization import Karras, VariancePreserving
from synthpath_kedro.diffusion.samplers import ddim, ddpm, dpmpp_2m, heun

PROPORTIONS = torch.tensor([0.7, 0.3], dtype=torch.float64)
MEANS = torch.tensor([[0.8, 0.5, -0.3], [-0.8, -0.2, 0.4]], dtype=torch.float64)
ROOTS = torch.tensor(
    [[[0.3, 0.0, 0.0], [0.1, 0.2, 0.0], [0.0, 0.1, 0.2]], [[0.1, 0.0, 0.0], [0.0, 0.3, 0.0], [0.1, 0.0, 0.1]]],
    dtype=torch.float64,
)
COVARIANCES = ROOTS @ ROOTS.mT

LINEAR = VariancePreserving(torch.cumprod(1 - linear_betas(1000, 1e-4, 0.02), 0), "epsilon")
COSINE = VariancePreserving(torch.cumprod(1 - cosine_betas(1000), 0), "v")


def exact_denoise(x, level, labels):
    """E[x0 | x] of the mixture."""
    points, alpha, sigma = x.flatten(1), level.alpha.item(), level.sigma.item()
    noisy = alpha**2 * COVARIANCES + sigma**2 * torch.eye(3, dtype=torch.float64)
    residual = points - alpha * MEANS[:, None]
    whitened = residual @ noisy.inverse()
    log_share = (PROPORTIONS.log() - noisy.logdet() / 2)[:, None] - (residual * whitened).sum(-1) / 2
    expected = MEANS[:, None] + alpha * whitened @ COVARIANCES
    return (log_share.softmax(0)[..., None] * expected).sum(0).reshape(x.shape)


def draw(sampler, parameterization, steps, n, **options):
    generator = torch.Generator().manual_seed(3)

    def noise():
        return torch.randn(n, 3, 1, 1, generator=generator, dtype=torch.float64)

    labels = torch.zeros(n, dtype=torch.long)
    return sampler(exact_denoise, parameterization.sampling_levels(steps), labels, noise, **options).flatten(1)


@pytest.mark.parametrize(
    ("sampler", "parameterization", "steps", "options"),
    [
        (ddpm, LINEAR, 1000, {}),
        (ddpm, COSINE, 300, {}),
        (ddpm, Karras(), 200, {}),
        (ddim, LINEAR, 200, {}),
        (ddim, LINEAR, 1000, {"eta": 0.5}),
        (ddim, Karras(), 200, {}),
        (dpmpp_2m, LINEAR, 50, {}),
        (dpmpp_2m, COSINE, 50, {}),
        (dpmpp_2m, Karras(), 40, {}),
        (heun, LINEAR, 100, {}),
        (heun, COSINE, 200, {}),
        (heun, Karras(), 40, {}),
        (heun, Karras(), 100, {"churn": 20.0, "at_sigma": Karras().at_sigma}),
    ],
)
def test_samples_have_the_mixtures_proportions_means_and_covariances(sampler, parameterization, steps, options):
    n = 4000
    samples = draw(sampler, parameterization, steps, n, **options)
    # The components lie five standard deviations apart, so that the nearer mean tells them.
    component = torch.cdist(samples, MEANS).argmin(1)
    for k in range(2):
        own = samples[component == k]
        share = PROPORTIONS[k].item()
        assert len(own) / n == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / n))
        standard_error = COVARIANCES[k].diagonal().sqrt() / math.sqrt(len(own))
        assert ((own.mean(0) - MEANS[k]).abs() < 4 * standard_error + 0.005).all()
        assert (torch.cov(own.T) - COVARIANCES[k]).abs().max() < 0.01


@pytest.fixture(scope="module")
def fine_solution():
    return draw(heun, Karras(), 1500, 60)


@pytest.mark.parametrize(("sampler", "order"), [(ddim, 1), (dpmpp_2m, 2), (heun, 2)])
def test_halving_the_step_divides_the_error_by_two_to_the_order(sampler, order, fine_solution):
    coarse, fine = ((draw(sampler, Karras(), steps, 60) - fine_solution).norm(dim=1).mean() for steps in (60, 120))
    assert math.log2(coarse / fine) == pytest.approx(order, abs=0.35)


def test_ddim_with_eta_one_takes_the_steps_of_hos_posterior():
    levels = LINEAR.sampling_levels(1000)
    drawn = []

    def noise():
        drawn.append(torch.randn(5, 3, 1, 1, generator=generator, dtype=torch.float64))
        return drawn[-1]

    generator, seen = torch.Generator().manual_seed(0), []

    def denoise(x, level, labels):
        seen.append((x, exact_denoise(x, level, labels)))
        return seen[-1][1]

    ddpm(denoise, levels, torch.zeros(5).long(), noise)
    t = 499
    step = 999 - t
    abar, previous = LINEAR.alphas_cumprod[t], LINEAR.alphas_cumprod[t - 1]
    beta = 1 - abar / previous
    x, x0 = seen[step]
    mean = previous.sqrt() * beta / (1 - abar) * x0 + (1 - beta).sqrt() * (1 - previous) / (1 - abar) * x
    variance = (1 - previous) / (1 - abar) * beta
    assert torch.allclose(seen[step + 1][0], mean + variance.sqrt() * drawn[step + 1], atol=1e-12)

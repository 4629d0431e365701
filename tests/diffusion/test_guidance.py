import pytest
import torch

from synthpath_kedro.diffusion.denoiser import Denoiser
from synthpath_kedro.diffusion.guidance import clipped, guided, is_guided
from synthpath_kedro.diffusion.noise_schedule import alphas_cumprod
from synthpath_kedro.diffusion.parameterization import Karras, VariancePreserving
from synthpath_kedro.parameters import NoiseScheduleParameters

LINEAR = {"name": "linear", "timesteps": 1000, "beta_start": 1e-4, "beta_end": 0.02}


class LabelNetwork(torch.nn.Module):
    """Answers with its label."""

    def forward(self, x, noise, labels):
        return torch.zeros_like(x) + labels[:, None, None, None]


@pytest.mark.parametrize(("scale", "factor"), [(1.0, 2.0), (0.0, 5.0), (3.0, -4.0)])
def test_guidance_goes_from_the_null_label_towards_the_label(scale, factor):
    # The network answers 2 with its label and 5 with the null label: 5 + scale (2 - 5).
    denoiser = Denoiser(LabelNetwork(), Karras(), null_label=5)
    level = Karras().at_sigma(1.0)
    image = guided(denoiser, scale)(torch.zeros(1, 3, 2, 2), level, torch.tensor([2]))
    assert torch.allclose(image, torch.full_like(image, factor * 0.5 / 1.25**0.5))


@pytest.mark.parametrize(("sigma", "factor"), [(0.05, 2.0), (0.1, -4.0), (1.0, -4.0), (2.0, -4.0), (2.1, 2.0)])
def test_images_are_guided_in_the_interval_only(sigma, factor):
    denoiser = Denoiser(LabelNetwork(), Karras(), null_label=5)
    level = Karras().at_sigma(sigma)
    image = guided(denoiser, 3.0, (0.1, 2.0))(torch.zeros(1, 3, 2, 2), level, torch.tensor([2]))
    c_out = float(Karras().precondition(level).c_out)
    assert torch.allclose(image, torch.full_like(image, factor * c_out))


def test_the_interval_is_in_noise_over_image():
    process = VariancePreserving(alphas_cumprod(NoiseScheduleParameters(**LINEAR)), "epsilon")
    levels = process.sampling_levels(4)
    ratio = levels.sigma / levels.alpha
    assert is_guided(levels, (float(ratio[2]), float(ratio[1]))).tolist() == [False, True, True, False, False]
    assert is_guided(levels, None).all()


def test_clipping_keeps_images_in_range():
    image = clipped(lambda x, *_: 3 * x)(torch.tensor([-1.0, 0.1, 2.0]), None, None)
    assert image.tolist() == pytest.approx([-1.0, 0.3, 1.0])

import math

import pytest
import torch

from synthpath_kedro.diffusion.noise_schedule import alphas_cumprod, cosine_betas, linear_betas
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import NoiseScheduleParameters


def schedule(name, timesteps=1000):
    return alphas_cumprod(NoiseScheduleParameters(name=name, timesteps=timesteps, beta_start=1e-4, beta_end=0.02))


def test_the_linear_schedule_runs_from_the_studys_first_variance_to_its_last():
    betas = linear_betas(1000, 1e-4, 0.02)
    assert (betas[0].item(), betas[-1].item()) == (1e-4, 0.02)
    assert betas.diff().max() - betas.diff().min() < 1e-15
    assert schedule("linear")[-1].item() == pytest.approx(4.0358e-5, rel=1e-4)


def test_the_cosine_schedule_is_the_papers_squared_cosine_until_its_clip():
    abar = schedule("cosine")
    t = 500
    f = [math.cos((x / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2 for x in (t, 0)]
    assert abar[t - 1].item() == pytest.approx(f[0] / f[1], rel=1e-12)
    assert cosine_betas(1000).max() == 0.999


@pytest.mark.parametrize("name", ["linear", "cosine"])
@pytest.mark.parametrize("timesteps", [2, 50, 1000])
def test_every_timestep_leaves_less_of_the_image(name, timesteps):
    abar = schedule(name, timesteps)
    assert abar.dtype == torch.float64
    assert (abar.diff() < 0).all()
    assert 0 < abar[-1] < abar[0] < 1


def test_a_schedule_that_leaves_nothing_of_the_image_is_refused():
    steep = NoiseScheduleParameters(name="linear", timesteps=1000, beta_start=0.9, beta_end=0.99)
    with pytest.raises(InputError, match=r"beta_end 0.99 leaves nothing of the image .* lower beta_end or timesteps"):
        alphas_cumprod(steep)

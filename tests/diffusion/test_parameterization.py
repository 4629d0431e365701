import pytest
import torch

from synthpath_kedro.diffusion.denoiser import Denoiser
from synthpath_kedro.diffusion.parameterization import Karras, NoiseLevels, VariancePreserving, make_parameterization
from synthpath_kedro.errors import InputError

NAMES = ["epsilon", "v", "edm"]


@pytest.fixture
def parameterization(diffusion_parameters):
    return lambda name: make_parameterization(diffusion_parameters(parameterization=name))


class Answer(torch.nn.Module):
    """A network that gives a fixed answer and remembers what it was asked."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x, noise, labels):
        self.x, self.noise, self.labels = x, noise, labels
        return self.answer


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_with_no_loss_is_the_one_that_gives_back_the_image(name, parameterization):
    torch.manual_seed(0)
    x0, noise = torch.randn(2, 5, 3, 4, 4, dtype=torch.float64)
    labels = torch.zeros(5, dtype=torch.long)
    process = parameterization(name)
    levels = process.training_levels(torch.tensor([0.01, 0.2, 0.5, 0.8, 0.99]))
    x = levels.alpha[:, None, None, None] * x0 + levels.sigma[:, None, None, None] * noise
    c = process.precondition(levels)
    right = (x0 - c.c_skip[:, None, None, None] * x) / c.c_out[:, None, None, None]
    denoiser = Denoiser(Answer(right), process, 9)
    assert denoiser.loss(x0, noise, levels, labels) < 1e-12
    assert torch.allclose(denoiser.denoise(x, levels, labels), x0, atol=1e-9)


def test_the_loss_of_epsilon_is_the_mean_square_against_the_noise(parameterization):
    x0, noise = torch.full((2, 3, 4, 4), 0.3), torch.full((2, 3, 4, 4), 2.0)
    process = parameterization("epsilon")
    levels = process.training_levels(torch.tensor([0.1, 0.7]))
    denoiser = Denoiser(Answer(torch.full((2, 3, 4, 4), 0.5)), process, 9)
    assert denoiser.loss(x0, noise, levels, torch.zeros(2, dtype=torch.long)).item() == pytest.approx(1.5**2, rel=1e-6)


def test_the_loss_of_v_is_the_mean_square_against_salimans_and_hos_velocity(parameterization):
    x0, noise = torch.full((1, 3, 4, 4), 0.3), torch.full((1, 3, 4, 4), 2.0)
    process = parameterization("v")
    levels = process.training_levels(torch.tensor([0.4]))
    v = (levels.alpha * 2.0 - levels.sigma * 0.3).item()
    denoiser = Denoiser(Answer(torch.zeros(1, 3, 4, 4)), process, 9)
    assert denoiser.loss(x0, noise, levels, torch.zeros(1, dtype=torch.long)).item() == pytest.approx(v**2, rel=1e-5)


def test_edm_has_the_coefficients_of_karras_table_1():
    c = Karras().precondition(Karras().at_sigma(2.0))
    assert c.c_skip.item() == pytest.approx(0.25 / 4.25)
    assert c.c_out.item() == pytest.approx(2.0 * 0.5 / 4.25**0.5)
    assert c.c_in.item() == pytest.approx(1 / 4.25**0.5)


def test_edm_trains_on_log_normal_noise():
    levels = Karras().training_levels(torch.tensor([0.0, 0.158655, 0.5, 0.841345]))
    assert levels.sigma[1:].log().tolist() == pytest.approx([-2.4, -1.2, 0.0], abs=1e-4)
    assert levels.sigma[0] > 0


def test_edm_samples_from_80_to_0_002_crowding_towards_the_end():
    levels = Karras().sampling_levels(18)
    assert len(levels) == 19
    assert levels.sigma[0].item() == pytest.approx(80)
    assert levels.sigma[1].item() == pytest.approx(57.586, abs=1e-3)
    assert levels.sigma[-2].item() == pytest.approx(0.002)
    assert levels.sigma[-1].item() == 0


def test_timesteps_trail_so_that_sampling_starts_where_training_ends(parameterization):
    levels = parameterization("epsilon").sampling_levels(4)
    assert levels.time[:-1].tolist() == [999, 749, 499, 249]
    assert (levels.alpha[-1].item(), levels.sigma[-1].item()) == (1, 0)
    assert parameterization("epsilon").sampling_levels(1000).time[:-1].tolist() == list(range(999, -1, -1))


def test_every_timestep_is_trained_equally_often(parameterization):
    time = parameterization("v").training_levels((torch.arange(4000) + 0.5) / 4000).time.long()
    assert torch.bincount(time, minlength=1000).tolist() == [4] * 1000


def test_more_steps_than_timesteps_are_refused(parameterization):
    with pytest.raises(InputError, match=r"synthesis\.num_steps is 1001, .* use 1 to 1000 steps"):
        parameterization("epsilon").sampling_levels(1001)


def test_the_network_is_told_one_level_an_image(parameterization):
    network = Answer(torch.zeros(3, 3, 4, 4))
    denoiser = Denoiser(network, parameterization("epsilon"), 9)
    denoiser.denoise(torch.zeros(3, 3, 4, 4), denoiser.parameterization.sampling_levels(4)[1], torch.zeros(3).long())
    assert network.noise.tolist() == [749, 749, 749]


def test_variance_is_preserved(parameterization):
    process = parameterization("epsilon")
    assert isinstance(process, VariancePreserving)
    levels = process.training_levels(torch.rand(50, generator=torch.Generator().manual_seed(0)))
    assert torch.allclose(levels.alpha**2 + levels.sigma**2, torch.ones(50, dtype=torch.float64))


@pytest.mark.parametrize("name", NAMES)
def test_noise_levels_in_float32_give_the_loss_of_float64(name, parameterization):
    torch.manual_seed(0)
    x0, noise, output = torch.randn(3, 5, 3, 4, 4)
    process, labels = parameterization(name), torch.zeros(5, dtype=torch.long)
    levels = process.training_levels(torch.tensor([0.01, 0.2, 0.5, 0.8, 0.99]))
    narrow = NoiseLevels(levels.time.float(), levels.alpha.float(), levels.sigma.float())
    denoiser = Denoiser(Answer(output), process, 9)
    expected = denoiser.loss(x0, noise, levels, labels).item()
    assert denoiser.loss(x0, noise, narrow, labels).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_the_last_quantile_has_a_noise_level_in_float32_too(name, parameterization):
    levels = parameterization(name).training_levels(torch.ones(1))
    assert torch.isfinite(torch.cat([levels.time, levels.alpha, levels.sigma])).all()

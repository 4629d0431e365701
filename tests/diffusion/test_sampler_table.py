import numpy as np
import pytest
import torch

from synthpath_kedro.diffusion.cost import estimate_cost
from synthpath_kedro.diffusion.parameterization import Karras
from synthpath_kedro.diffusion.samplers import choose_sampler
from synthpath_kedro.study.samplers import SAMPLERS, Sampler


def one_step(denoise, levels, labels, noise, eta):
    """The denoiser's first prediction, darkened by ``eta``."""
    return denoise(levels.sigma[0].item() * noise(), levels[0], labels) - eta


ONE_STEP = Sampler("one_step", "one step", f"{__name__}:one_step", options=("eta",), evaluations=lambda _: 1)


def test_a_sampler_that_is_added_to_the_table_is_chosen_by_parameters(diffusion_parameters, synthesis_parameters):
    with SAMPLERS.extended(ONE_STEP):
        params = synthesis_parameters(sampler="one_step", eta=0.25, num_steps=5, n_images=7)
        sample = choose_sampler(params, Karras())
        cost = estimate_cost(diffusion_parameters(), params, n_train=1, image_size=8, probe=False)
    image = sample(lambda x, *_: 0 * x, Karras().sampling_levels(5), None, lambda: np.ones((1, 3, 2, 2)))
    assert image.ravel().tolist() == [-0.25] * 12
    assert cost.synthesis_flops == 7 * cost.forward_flops


def test_a_sampler_that_the_table_lacks_is_refused_with_those_it_has(synthesis_parameters):
    with pytest.raises(ValueError, match="ddpm, ddim, dpmpp_2m or heun"):
        synthesis_parameters(sampler="one_step")


def test_an_option_that_several_samplers_have_is_refused_for_the_others(synthesis_parameters):
    with SAMPLERS.extended(ONE_STEP), pytest.raises(ValueError, match="only ddim and one_step have it; set 0"):
        choose_sampler(synthesis_parameters(sampler="ddpm", eta=0.5), Karras())


@pytest.mark.parametrize(
    ("sampler", "options", "is_stochastic"),
    [
        ("ddpm", {}, True),
        ("ddim", {"eta": 0.0}, False),
        ("ddim", {"eta": 0.1}, True),
        ("dpmpp_2m", {}, False),
        ("heun", {"churn": 0.0}, False),
        ("heun", {"churn": 5.0}, True),
    ],
)
def test_a_sampler_is_stochastic_where_it_adds_noise_after_the_start(sampler, options, is_stochastic):
    calls = []

    def noise():
        calls.append(1)
        return np.ones((1, 1, 1, 1))

    from synthpath_kedro.study.table import load_attribute

    entry = SAMPLERS[sampler]
    levels = Karras().sampling_levels(4)
    evaluations = []
    seam = {"at_sigma": Karras().at_sigma} if entry.off_schedule else {}
    load_attribute(entry.function)(lambda x, *_: evaluations.append(1) or 0 * x, levels, None, noise, **options, **seam)
    assert (len(calls) > 1) == entry.stochastic(options) == is_stochastic
    assert len(evaluations) == entry.evaluations(4)


def euler(denoise, levels, labels, noise):
    """The example of docs/extending.md."""
    sigma = levels.sigma.tolist()
    x = sigma[0] * noise()
    for i in range(len(levels) - 1):
        slope = (x - denoise(x, levels[i], labels)) / sigma[i]
        x = x + (sigma[i + 1] - sigma[i]) * slope
    return x


def test_eulers_method_as_a_new_sampler_is_ddim_without_noise(synthesis_parameters):
    start, levels = torch.linspace(-1, 1, 12).reshape(1, 3, 2, 2), Karras().sampling_levels(6)
    with SAMPLERS.extended(Sampler("euler", "Euler", f"{__name__}:euler")):
        samples = [
            choose_sampler(synthesis_parameters(sampler=name), Karras())(
                lambda x, level, _: x / (1 + level.sigma.item() ** 2), levels, None, lambda: start
            )
            for name in ("euler", "ddim")
        ]
    torch.testing.assert_close(*samples)

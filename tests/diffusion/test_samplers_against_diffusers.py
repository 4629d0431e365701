"""Every sampler against diffusers' scheduler of the same name, state by state, from the same noise."""

import pytest
import torch

from synthpath_kedro.diffusion.denoiser import Denoiser
from synthpath_kedro.diffusion.noise_schedule import alphas_cumprod
from synthpath_kedro.diffusion.parameterization import Karras, VariancePreserving
from synthpath_kedro.diffusion.samplers import ddim, ddpm, dpmpp_2m, heun
from synthpath_kedro.parameters import NoiseScheduleParameters

diffusers = pytest.importorskip("diffusers")

SHAPE = (2, 3, 4, 4)
LABELS = torch.zeros(2, dtype=torch.long)
LINEAR = {"beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear"}
COSINE = {"beta_schedule": "squaredcos_cap_v2"}


class SmoothNetwork(torch.nn.Module):
    """Bends its input by an amount that depends on the noise level, so that no step is trivial."""

    def forward(self, x, noise, labels):
        return torch.sin(x + noise[:, None, None, None] / 1000) + 0.1 * x.flip(3)


class BentGaussianNetwork(torch.nn.Module):
    """Right for images from N(0, 1/4), bent where little noise is left; keeps the states near 1, as a trained one does.

    DPMSolverMultistepScheduler rounds every state to float32, so larger states could not agree to 1e-5.
    """

    def __init__(self, parameterization):
        super().__init__()
        self.parameterization = parameterization

    def forward(self, x, noise, labels):
        abar = self.parameterization.alphas_cumprod[noise.long()][:, None, None, None]
        alpha, sigma = abar.sqrt(), (1 - abar).sqrt()
        epsilon = sigma * x / (abar / 4 + sigma**2) + 0.1 * alpha * torch.sin(3 * x) + 0.1 * alpha * x.flip(3)
        return epsilon if self.parameterization.prediction == "epsilon" else (epsilon - sigma * x) / alpha


class RecordedNoise:
    """Standard normal numbers; the first call's are the sampler's start."""

    def __init__(self):
        self.generator = torch.Generator().manual_seed(7)
        self.drawn = []

    def __call__(self):
        self.drawn.append(torch.randn(SHAPE, generator=self.generator, dtype=torch.float64))
        return self.drawn[-1]


def variance_preserving(schedule, prediction):
    parameters = NoiseScheduleParameters(name=schedule, timesteps=1000, beta_start=1e-4, beta_end=0.02)
    return VariancePreserving(alphas_cumprod(parameters), prediction)


def states(sampler, denoiser, steps, **options):
    """The images that ``sampler`` showed the denoiser, then its result; and the noise that it drew."""
    seen, noise = [], RecordedNoise()

    def denoise(x, levels, labels):
        seen.append(x)
        return denoiser.denoise(x, levels, labels)

    result = sampler(denoise, denoiser.parameterization.sampling_levels(steps), LABELS, noise, **options)
    return [*seen, result], noise.drawn


def diffusers_states(scheduler, start, network, steps, noises, monkeypatch, module, **options):
    """The same for one of diffusers' schedulers that is given our noise."""
    # diffusers draws once more, at the last step, and multiplies it by nothing.
    queue = [*noises, torch.zeros(SHAPE, dtype=torch.float64)]
    monkeypatch.setattr(module, "randn_tensor", lambda shape, **_: queue.pop(0))
    scheduler.set_timesteps(steps)
    x, seen = start, []
    for t in scheduler.timesteps:
        seen.append(x)
        answer = network(x, t.double().expand(len(x)), LABELS)
        x = scheduler.step(answer, t, x, **options).prev_sample
    return [*seen, x]


def assert_same_states(ours, theirs):
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine - other).abs().max().item() < 1e-5


def with_float64_schedule(scheduler, parameterization):
    abar = parameterization.alphas_cumprod
    scheduler.alphas_cumprod = abar
    scheduler.alphas = torch.cat([abar[:1], abar[1:] / abar[:-1]])
    scheduler.betas = 1 - scheduler.alphas
    for name, value in (
        ("final_alpha_cumprod", torch.tensor(1.0, dtype=torch.float64)),
        ("one", torch.tensor(1.0, dtype=torch.float64)),
        ("alpha_t", abar.sqrt()),
        ("sigma_t", (1 - abar).sqrt()),
    ):
        if hasattr(scheduler, name):
            setattr(scheduler, name, value)
    return scheduler


@pytest.mark.parametrize("prediction", ["epsilon", "v"])
@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize("steps", [5, 1000])
def test_ddpm_walks_as_diffusers_ddpm_scheduler(schedule, prediction, steps, monkeypatch):
    from diffusers.schedulers import scheduling_ddpm as module

    parameterization = variance_preserving(schedule, prediction)
    network = BentGaussianNetwork(parameterization)
    ours, noises = states(ddpm, Denoiser(network, parameterization, 0), steps)
    scheduler = module.DDPMScheduler(
        **(LINEAR if schedule == "linear" else COSINE),
        prediction_type="epsilon" if prediction == "epsilon" else "v_prediction",
        timestep_spacing="trailing",
        clip_sample=False,
        variance_type="fixed_small",
    )
    with_float64_schedule(scheduler, parameterization)
    theirs = diffusers_states(scheduler, ours[0], network, steps, noises[1:], monkeypatch, module)
    assert_same_states(ours, theirs)


@pytest.mark.parametrize("prediction", ["epsilon", "v"])
@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize("eta", [0.0, 0.5])
def test_ddim_walks_as_diffusers_ddim_scheduler(schedule, prediction, eta, monkeypatch):
    from diffusers.schedulers import scheduling_ddim as module

    parameterization = variance_preserving(schedule, prediction)
    network = BentGaussianNetwork(parameterization)
    ours, noises = states(ddim, Denoiser(network, parameterization, 0), 20, eta=eta)
    scheduler = module.DDIMScheduler(
        **(LINEAR if schedule == "linear" else COSINE),
        prediction_type="epsilon" if prediction == "epsilon" else "v_prediction",
        timestep_spacing="trailing",
        clip_sample=False,
    )
    with_float64_schedule(scheduler, parameterization)
    theirs = diffusers_states(scheduler, ours[0], network, 20, noises[1:], monkeypatch, module, eta=eta)
    assert_same_states(ours, theirs)


@pytest.mark.parametrize("prediction", ["epsilon", "v"])
@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize("steps", [2, 20])
def test_dpmpp_2m_walks_as_diffusers_multistep_scheduler(schedule, prediction, steps, monkeypatch):
    from diffusers.schedulers import scheduling_dpmsolver_multistep as module

    parameterization = variance_preserving(schedule, prediction)
    network = BentGaussianNetwork(parameterization)
    ours, _ = states(dpmpp_2m, Denoiser(network, parameterization, 0), steps)
    scheduler = module.DPMSolverMultistepScheduler(
        **(LINEAR if schedule == "linear" else COSINE),
        prediction_type="epsilon" if prediction == "epsilon" else "v_prediction",
        timestep_spacing="trailing",
        final_sigmas_type="zero",
    )
    with_float64_schedule(scheduler, parameterization)
    levels = parameterization.sampling_levels(steps)

    def set_timesteps(n):
        scheduler_set(n)
        assert scheduler.timesteps.tolist() == levels.time[:-1].long().tolist()
        scheduler.sigmas = levels.sigma / levels.alpha

    scheduler_set, scheduler.set_timesteps = scheduler.set_timesteps, set_timesteps
    theirs = diffusers_states(scheduler, ours[0], network, steps, [], monkeypatch, module)
    assert_same_states(ours, theirs)


def edm_scheduler_states(scheduler, start, network, parameterization, noises, monkeypatch, module, **options):
    """States of one of diffusers' EDM schedulers on our sigmas, with its own preconditioning."""
    steps = 12
    levels = parameterization.sampling_levels(steps)
    queue = [*noises, torch.zeros(SHAPE, dtype=torch.float64)]
    monkeypatch.setattr(module, "randn_tensor", lambda shape, **_: queue.pop(0))
    scheduler.set_timesteps(steps)
    assert torch.allclose(scheduler.sigmas.double(), levels.sigma, rtol=1e-5)
    scheduler.sigmas = levels.sigma
    x, seen = start, []
    for i, t in enumerate(scheduler.timesteps):
        seen.append(x)
        # scale_model_input keeps sigmas in float32, so its factor is written out here.
        answer = network(x / (levels.sigma[i] ** 2 + 0.25).sqrt(), levels.time[i].expand(len(x)), LABELS)
        scheduler.is_scale_input_called = True
        x = scheduler.step(answer, t, x, **options).prev_sample
    return [*seen, x]


def test_ddim_walks_as_diffusers_edm_euler_scheduler(monkeypatch):
    from diffusers.schedulers import scheduling_edm_euler as module

    network, parameterization = SmoothNetwork(), Karras()
    ours, _ = states(ddim, Denoiser(network, parameterization, 0), 12)
    theirs = edm_scheduler_states(
        module.EDMEulerScheduler(), ours[0], network, parameterization, [], monkeypatch, module, s_churn=0.0
    )
    assert_same_states(ours, theirs)


def test_dpmpp_2m_walks_as_diffusers_edm_multistep_scheduler(monkeypatch):
    from diffusers.schedulers import scheduling_edm_dpmsolver_multistep as module

    network, parameterization = SmoothNetwork(), Karras()
    ours, _ = states(dpmpp_2m, Denoiser(network, parameterization, 0), 12)
    scheduler = module.EDMDPMSolverMultistepScheduler(final_sigmas_type="zero", rho=7.0)
    theirs = edm_scheduler_states(scheduler, ours[0], network, parameterization, [], monkeypatch, module)
    assert_same_states(ours, theirs)


@pytest.mark.parametrize("prediction", ["epsilon", "v"])
@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_heun_walks_as_diffusers_heun_scheduler(schedule, prediction):
    from diffusers.schedulers import scheduling_heun_discrete as module

    steps, parameterization = 12, variance_preserving(schedule, prediction)
    network = BentGaussianNetwork(parameterization)
    denoiser, levels = Denoiser(network, parameterization, 0), parameterization.sampling_levels(12)
    ours, _ = states(heun, denoiser, steps)
    scheduler = module.HeunDiscreteScheduler(
        **(LINEAR if schedule == "linear" else COSINE),
        prediction_type="epsilon" if prediction == "epsilon" else "v_prediction",
        timestep_spacing="trailing",
    )
    scheduler.set_timesteps(steps)
    t = levels.sigma / levels.alpha
    scheduler.sigmas = torch.cat([t[:1], t[1:-1].repeat_interleave(2), t[-1:]])
    alpha = torch.cat([levels.alpha[:1], levels.alpha[1:-1].repeat_interleave(2)])
    time = torch.cat([levels.time[:1], levels.time[1:-1].repeat_interleave(2)])
    scheduler.timesteps = torch.arange(len(time))
    x, theirs = ours[0] / alpha[0], []
    for i in range(len(time)):
        theirs.append(alpha[i] * x)
        answer = network(alpha[i] * x, time[i].expand(2), LABELS)
        x = scheduler.step(answer, scheduler.timesteps[i], x).prev_sample
    assert_same_states(ours, [*theirs, x])

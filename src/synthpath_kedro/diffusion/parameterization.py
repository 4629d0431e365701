"""What the network predicts: epsilon, v, or Karras et al.'s preconditioned image.

All three take x = alpha x0 + sigma epsilon and predict the image behind it,

    D(x) = c_skip x + c_out F(c_in x; c_noise),

where F is the network; they differ in the four coefficients, and in the noise levels they train on and sample at.
The loss is the mean square of F against the value that makes D right, which is Ho et al.'s simple loss for epsilon,
Salimans & Ho's for v, and Karras et al.'s weighted loss for edm.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from synthpath_kedro.diffusion.noise_schedule import alphas_cumprod
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import DiffusionParameters
from synthpath_kedro.training.device import float64_device, widest_float


@dataclass(frozen=True)
class NoiseLevels:
    """Points of the forward process x = alpha x0 + sigma epsilon.

    Attributes:
        time: the network's input: t from 0 to T - 1, or for edm a scaled logarithm of sigma.
        alpha: share of the image.
        sigma: standard deviation of the noise.
    """

    time: Float[Tensor, " n"]
    alpha: Float[Tensor, " n"]
    sigma: Float[Tensor, " n"]

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, index: int | slice) -> "NoiseLevels":
        index = slice(index, index + 1) if isinstance(index, int) else index
        return NoiseLevels(self.time[index], self.alpha[index], self.sigma[index])

    def to(self, device: torch.device) -> "NoiseLevels":
        """The same on ``device``, in float32 where it has no float64."""
        dtype = widest_float(device)
        # The dtype first: a float64 tensor cannot be moved to a device that has no float64.
        return NoiseLevels(*(values.to(dtype).to(device) for values in (self.time, self.alpha, self.sigma)))


@dataclass(frozen=True)
class Preconditioning:
    """The coefficients of D at some noise levels."""

    c_skip: Float[Tensor, " n"]
    c_out: Float[Tensor, " n"]
    c_in: Float[Tensor, " n"]


class Parameterization(Protocol):
    """A forward process, and what the network predicts in it."""

    def training_levels(self, u: Float[Tensor, " n"]) -> NoiseLevels:
        """Noise levels of training at the quantiles ``u`` in [0, 1)."""

    def sampling_levels(self, num_steps: int) -> NoiseLevels:
        """Noise levels of a sampler, noisiest first, and the clean image last: [num_steps + 1].

        Raises:
            InputError: there are not that many.
        """

    def at_sigma(self, sigma: float) -> NoiseLevels:
        """The one level [1] at which noise over image is ``sigma``.

        Raises:
            InputError: the process knows only its timesteps.
        """

    def precondition(self, levels: NoiseLevels) -> Preconditioning:
        """The coefficients of D at ``levels``."""


@dataclass(frozen=True)
class VariancePreserving:
    """A fixed number of timesteps whose noise and image variances add to 1, with the noise (or v) predicted.

    Attributes:
        alphas_cumprod: alpha-bar_t of every timestep.
        prediction: epsilon (Ho et al. 2020) or v = alpha epsilon - sigma x0 (Salimans & Ho 2022).
    """

    alphas_cumprod: Float64[Tensor, " timesteps"]
    prediction: str

    def training_levels(self, u: Float[Tensor, " n"]) -> NoiseLevels:
        """Every timestep equally often."""
        quantiles = u.to(float64_device(u.device)).double()
        last = len(self.alphas_cumprod) - 1
        # A quantile just below 1 is 1 in float32.
        return self._at((quantiles * len(self.alphas_cumprod)).long().clamp(max=last)).to(u.device)

    def sampling_levels(self, num_steps: int) -> NoiseLevels:
        """Trailing spacing: the noisiest timestep is always among them (Lin et al. 2024, table 2)."""
        timesteps = len(self.alphas_cumprod)
        if num_steps > timesteps:
            raise InputError(
                f"synthesis.num_steps is {num_steps}, but the denoiser has diffusion.noise_schedule.timesteps "
                f"{timesteps}: use 1 to {timesteps} steps"
            )
        t = torch.arange(num_steps, 0, -1, dtype=torch.float64) * (timesteps / num_steps)
        noisy = self._at(t.round().long() - 1)
        return _end_clean(noisy)

    def at_sigma(self, sigma: float) -> NoiseLevels:
        """Refused: between two timesteps the network was never trained."""
        raise InputError(
            f"synthesis.churn needs noise levels between timesteps (here {sigma:.3g}), which "
            "diffusion.parameterization "
            f"{self.prediction} does not have: set synthesis.churn to 0, or train with diffusion.parameterization edm"
        )

    def precondition(self, levels: NoiseLevels) -> Preconditioning:
        """Solves the prediction for x0."""
        alpha, sigma = levels.alpha, levels.sigma
        if self.prediction == "epsilon":
            return Preconditioning(c_skip=1 / alpha, c_out=-sigma / alpha, c_in=torch.ones_like(alpha))
        return Preconditioning(c_skip=alpha, c_out=-sigma, c_in=torch.ones_like(alpha))

    def _at(self, t: Tensor) -> NoiseLevels:
        alpha_bar = self.alphas_cumprod.to(t.device)[t]
        return NoiseLevels(t.double(), alpha_bar.sqrt(), (1 - alpha_bar).sqrt())


@dataclass(frozen=True)
class Karras:
    """Continuous noise levels with the image left at full strength (Karras et al. 2022, table 1, column "Ours").

    Attributes:
        sigma_data: standard deviation of the images in [-1, 1].
        p_mean: mean of ln sigma in training.
        p_std: standard deviation of ln sigma in training.
        sigma_min: the last noise level of sampling.
        sigma_max: the first.
        rho: how much the levels crowd towards sigma_min.
    """

    sigma_data: float = 0.5
    p_mean: float = -1.2
    p_std: float = 1.2
    sigma_min: float = 0.002
    sigma_max: float = 80.0
    rho: float = 7.0

    def training_levels(self, u: Float[Tensor, " n"]) -> NoiseLevels:
        """Log-normal noise levels."""
        # Away from the ends, where the quantile function is infinite.
        quantiles = u.to(float64_device(u.device)).double().clamp(1e-6, 1 - 1e-6)
        return self._at(torch.exp(self.p_mean + self.p_std * torch.special.ndtri(quantiles))).to(u.device)

    def sampling_levels(self, num_steps: int) -> NoiseLevels:
        """Equation 5."""
        ramp = torch.linspace(0, 1, num_steps, dtype=torch.float64)
        first, last = self.sigma_max ** (1 / self.rho), self.sigma_min ** (1 / self.rho)
        return _end_clean(self._at((first + ramp * (last - first)) ** self.rho))

    def at_sigma(self, sigma: float) -> NoiseLevels:
        """Any level will do."""
        return self._at(torch.tensor([sigma], dtype=torch.float64))

    def precondition(self, levels: NoiseLevels) -> Preconditioning:
        """Section 5: inputs and targets of the network have unit variance, and its errors are amplified least."""
        sigma, total = levels.sigma, (levels.sigma**2 + self.sigma_data**2).sqrt()
        return Preconditioning(
            c_skip=(self.sigma_data / total) ** 2, c_out=sigma * self.sigma_data / total, c_in=1 / total
        )

    def _at(self, sigma: Tensor) -> NoiseLevels:
        # Karras et al. give the network ln(sigma) / 4; our embedding, made for timesteps, wants larger numbers.
        return NoiseLevels(250 * sigma.log() / 4, torch.ones_like(sigma), sigma)


_KARRAS = {
    "pixel": Karras(),
    # Latents have unit variance; noise levels relative to it as in Karras et al. 2024 (EDM2, table 7).
    "latent": Karras(sigma_data=1.0, p_mean=0.3, p_std=1.0, sigma_min=0.004, sigma_max=160.0),
}


def make_parameterization(parameters: DiffusionParameters) -> Parameterization:
    """The parameterization that ``parameters`` name."""
    if parameters.parameterization == "edm":
        return _KARRAS[parameters.space]
    return VariancePreserving(alphas_cumprod(parameters.noise_schedule), parameters.parameterization)


def _end_clean(noisy: NoiseLevels) -> NoiseLevels:
    zero = torch.zeros(1, dtype=torch.float64)
    return NoiseLevels(
        torch.cat([noisy.time, zero]), torch.cat([noisy.alpha, zero + 1]), torch.cat([noisy.sigma, zero])
    )

"""The sampler that the parameters name."""

from functools import partial

from synthpath_kedro.diffusion.parameterization import Parameterization
from synthpath_kedro.diffusion.samplers.ddim import ddim
from synthpath_kedro.diffusion.samplers.ddpm import ddpm
from synthpath_kedro.diffusion.samplers.dpmpp_2m import dpmpp_2m
from synthpath_kedro.diffusion.samplers.heun import heun
from synthpath_kedro.diffusion.samplers.types import Sampler
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import SynthesisParameters


def choose_sampler(parameters: SynthesisParameters, parameterization: Parameterization) -> Sampler:
    """The sampler with its options.

    Raises:
        InputError: an option that this sampler or parameterization does not have.
    """
    name = parameters.sampler
    if parameters.eta > 0 and name != "ddim":
        raise InputError(f"synthesis.eta is {parameters.eta:g} with synthesis.sampler {name}: only ddim has it; set 0")
    if parameters.churn > 0 and name != "heun":
        raise InputError(
            f"synthesis.churn is {parameters.churn:g} with synthesis.sampler {name}: only heun has it; set 0"
        )
    parameterization.sampling_levels(parameters.num_steps)
    if name == "heun":
        if parameters.churn > 0:
            parameterization.at_sigma(1.0)
        return partial(heun, churn=parameters.churn, at_sigma=parameterization.at_sigma)
    if name == "ddim":
        return partial(ddim, eta=parameters.eta)
    return {"ddpm": ddpm, "dpmpp_2m": dpmpp_2m}[name]


def evaluations(sampler: str, steps: int) -> int:
    """Evaluations of the denoiser for one image, without guidance."""
    return 2 * steps - 1 if sampler == "heun" else steps

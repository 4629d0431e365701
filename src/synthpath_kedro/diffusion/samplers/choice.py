"""The sampler that the parameters name."""

from functools import partial

from synthpath_kedro.diffusion.parameterization import Parameterization
from synthpath_kedro.diffusion.samplers.types import SamplerFunction
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import SynthesisParameters
from synthpath_kedro.study.samplers import SAMPLERS
from synthpath_kedro.study.table import load_attribute


def choose_sampler(parameters: SynthesisParameters, parameterization: Parameterization) -> SamplerFunction:
    """The sampler with its options.

    Raises:
        InputError: an option that this sampler or parameterization does not have.
    """
    sampler = SAMPLERS.find(parameters.sampler)
    options = sampler_options(parameters)
    parameterization.sampling_levels(parameters.num_steps)
    if any(options[name] > 0 for name in sampler.off_schedule):
        parameterization.at_sigma(1.0)
    seam = {"at_sigma": parameterization.at_sigma} if sampler.off_schedule else {}
    return partial(load_attribute(sampler.function), **options, **seam)


def sampler_options(parameters: SynthesisParameters) -> dict[str, float]:
    """The values of the options that the sampler has.

    Raises:
        InputError: an option of other samplers is switched on.
    """
    sampler = SAMPLERS.find(parameters.sampler)
    for option in dict.fromkeys(name for one in SAMPLERS.values() for name in one.options):
        value = getattr(parameters, option)
        if value > 0 and option not in sampler.options:
            owners = [one.name for one in SAMPLERS.values() if option in one.options]
            have = "has it" if len(owners) == 1 else "have it"
            raise InputError(
                f"synthesis.{option} is {value:g} with synthesis.sampler {sampler.name}: "
                f"only {' and '.join(owners)} {have}; set 0"
            )
    return {name: getattr(parameters, name) for name in sampler.options}

"""The samplers of the denoiser's reverse process. A new one is a file with a function, and a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from synthpath_kedro.study.table import Table


def _one_per_step(num_steps: int) -> int:
    return num_steps


def _never(options: Mapping[str, float]) -> bool:
    del options
    return False


@dataclass(frozen=True)
class Sampler:
    """A way from noise to images.

    Attributes:
        name: in the parameter ``synthesis.sampler``.
        label: in print.
        function: "module:function", called as ``function(denoise, levels, labels, noise, **options)``; see
            ``synthpath_kedro.diffusion.samplers.types``.
        options: parameters of the block ``synthesis`` that it takes by name; 0 switches each off.
        off_schedule: those of ``options`` that ask, above 0, for noise levels between the schedule's; a sampler that
            has any also takes ``at_sigma``, which gives them.
        evaluations: evaluations of the denoiser for one image, without guidance, by number of steps.
        stochastic: whether noise is added after the start, by value of the options. Without it an error of one step is
            never corrected by a later one.
        clips: whether ``synthesis.clip_denoised`` keeps the predicted image in its range.
    """

    name: str
    label: str
    function: str
    options: tuple[str, ...] = ()
    off_schedule: tuple[str, ...] = ()
    evaluations: Callable[[int], int] = _one_per_step
    stochastic: Callable[[Mapping[str, float]], bool] = _never
    clips: bool = False


_SAMPLERS = "synthpath_kedro.diffusion.samplers"

SAMPLERS = Table(
    "sampler",
    Sampler("ddpm", "DDPM", f"{_SAMPLERS}.ddpm:ddpm", stochastic=lambda _: True, clips=True),
    Sampler(
        "ddim",
        "DDIM",
        f"{_SAMPLERS}.ddim:ddim",
        options=("eta",),
        stochastic=lambda options: options["eta"] > 0,
        clips=True,
    ),
    Sampler("dpmpp_2m", "DPM-Solver++(2M)", f"{_SAMPLERS}.dpmpp_2m:dpmpp_2m"),
    Sampler(
        "heun",
        "Heun",
        f"{_SAMPLERS}.heun:heun",
        options=("churn",),
        off_schedule=("churn",),
        evaluations=lambda num_steps: 2 * num_steps - 1,
        stochastic=lambda options: options["churn"] > 0,
    ),
)

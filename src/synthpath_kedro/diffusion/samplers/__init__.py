"""Reverse processes: each turns noise into images along a list of noise levels."""

from synthpath_kedro.diffusion.samplers.choice import choose_sampler, sampler_options
from synthpath_kedro.diffusion.samplers.ddim import ddim
from synthpath_kedro.diffusion.samplers.ddpm import ddpm
from synthpath_kedro.diffusion.samplers.dpmpp_2m import dpmpp_2m
from synthpath_kedro.diffusion.samplers.heun import heun

__all__ = ["choose_sampler", "ddim", "ddpm", "dpmpp_2m", "heun", "sampler_options"]

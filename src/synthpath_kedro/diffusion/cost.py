"""What training and synthesis would cost: counted operations, and a short probe of this machine."""

from dataclasses import dataclass
from datetime import timedelta

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from synthpath_kedro.diffusion.denoiser import Denoiser, make_denoiser
from synthpath_kedro.diffusion.unet import UNet
from synthpath_kedro.parameters import DenoiserParameters, DiffusionParameters, SynthesisParameters
from synthpath_kedro.study.samplers import SAMPLERS
from synthpath_kedro.training.device import choose_device
from synthpath_kedro.training.precision import computing_in, resolve_precision
from synthpath_kedro.training.timing import images_per_second

_BACKWARD_PER_FORWARD = 2
_PROBE_SECONDS = 0.5


@dataclass(frozen=True)
class Cost:
    """Cost of the generator.

    Attributes:
        forward_flops: floating-point operations of one image's pass through the denoiser (2 a multiply-add).
        training_flops: of all epochs and denoisers, the backward pass counted as two forward passes.
        synthesis_flops: of all synthetic images.
        training_seconds: on this machine; None without a probe.
        synthesis_seconds: on this machine; None without a probe.
        device: what was probed.
        denoisers: how many are trained.
    """

    forward_flops: float
    training_flops: float
    synthesis_flops: float
    training_seconds: float | None
    synthesis_seconds: float | None
    device: str
    denoisers: int = 1

    @property
    def seconds(self) -> float:
        """Training and synthesis on this machine; 0 without a probe."""
        return (self.training_seconds or 0) + (self.synthesis_seconds or 0)

    def describe(self) -> str:
        """One line for the log."""
        takes = "the denoiser takes" if self.denoisers == 1 else f"each of {self.denoisers} denoisers takes"
        line = (
            f"{takes} {_count(self.forward_flops)} per image: training {_count(self.training_flops)}, "
            f"synthesis {_count(self.synthesis_flops)}"
        )
        if self.training_seconds is None or self.synthesis_seconds is None:
            return line
        training, synthesis = _duration(self.training_seconds), _duration(self.synthesis_seconds)
        return f"{line}; on this machine's {self.device} about {training} and {synthesis}"


def forward_flops(parameters: DenoiserParameters, image_size: int) -> int:
    """Floating-point operations of one image's pass through the network (2 a multiply-add)."""
    with torch.device("meta"):
        network = UNet(parameters, n_classes=1, image_size=image_size).eval()
        inputs = torch.empty(1, 3, image_size, image_size), torch.empty(1), torch.empty(1, dtype=torch.long)
    # The counter knows matrix products and convolutions, not every fused attention.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter, torch.no_grad():
        network(*inputs)
    return counter.get_total_flops()


def estimate_cost(
    params: DiffusionParameters,
    synthesis: SynthesisParameters,
    n_train: int,
    image_size: int,
    probe: bool = True,
) -> Cost:
    """Cost of training on ``n_train`` images and of making the synthetic set, of all denoisers together.

    Args:
        params: the block ``diffusion``.
        synthesis: the block ``synthesis``.
        n_train: training images.
        image_size: height and width in pixels.
        probe: whether to time the network here, a few seconds.

    Raises:
        InputError: the image size does not fit the network.
    """
    one = forward_flops(params.denoiser, image_size)
    trained_images = params.replicates * params.max_epochs * n_train
    evaluated_images = params.replicates * _n_images(synthesis)
    evaluated_images *= SAMPLERS.find(synthesis.sampler).evaluations(synthesis.num_steps)
    evaluated_images *= 1 if synthesis.guidance_scale == 1 else 2
    training_rate, forward_rate = _probe(params, synthesis, image_size) if probe else (None, None)
    return Cost(
        forward_flops=one,
        training_flops=one * (1 + _BACKWARD_PER_FORWARD) * trained_images,
        synthesis_flops=one * evaluated_images,
        denoisers=params.replicates,
        training_seconds=training_rate and trained_images / training_rate,
        synthesis_seconds=forward_rate and evaluated_images / forward_rate,
        device="GPU" if choose_device().type != "cpu" else "CPU",
    )


def _n_images(synthesis: SynthesisParameters) -> int:
    return sum(synthesis.counts.values()) if synthesis.counts else synthesis.n_images


def _probe(params: DiffusionParameters, synthesis: SynthesisParameters, image_size: int) -> tuple[float, float]:
    """Images per second in training and in evaluation."""
    device = choose_device()
    with torch.random.fork_rng():
        denoiser = make_denoiser(params, 1, image_size).to(device)
    training = images_per_second(lambda n: _train_once(denoiser, n, image_size), params.batch_size, _PROBE_SECONDS)
    with torch.inference_mode(), computing_in(resolve_precision(synthesis.precision, device), device):
        forward = images_per_second(lambda n: _loss(denoiser, n, image_size), synthesis.batch_size, _PROBE_SECONDS)
    return training, forward


def _train_once(denoiser: Denoiser, n: int, image_size: int) -> None:
    denoiser.zero_grad()
    _loss(denoiser, n, image_size).backward()


def _loss(denoiser: Denoiser, n: int, image_size: int) -> torch.Tensor:
    device = choose_device()
    x = torch.zeros(n, 3, image_size, image_size, device=device)
    levels = denoiser.parameterization.training_levels(torch.full((n,), 0.5, device=device))
    return denoiser.loss(x, x, levels, torch.zeros(n, dtype=torch.long, device=device))


def _count(flops: float) -> str:
    for power, name in ((18, "EFLOP"), (15, "PFLOP"), (12, "TFLOP"), (9, "GFLOP")):
        if flops >= 10**power:
            return f"{flops / 10**power:.3g} {name}"
    return f"{flops / 10**6:.3g} MFLOP"


def _duration(seconds: float) -> str:
    if seconds >= 2 * 86400:
        return f"{seconds / 86400:.0f} days"
    return str(timedelta(seconds=round(seconds)))

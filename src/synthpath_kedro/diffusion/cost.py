"""What training and synthesis would cost: counted operations, and a short probe of this machine."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from synthpath_kedro.data.artifact import Card
from synthpath_kedro.diffusion.autoencoder import CLASS, ENCODES, build_network, latent_layout
from synthpath_kedro.diffusion.autoencoder_weights import autoencoder_config
from synthpath_kedro.diffusion.denoiser import Denoiser, planned_denoiser
from synthpath_kedro.diffusion.encoder import encoded_shape
from synthpath_kedro.diffusion.guidance import is_guided
from synthpath_kedro.diffusion.parameterization import make_parameterization
from synthpath_kedro.diffusion.unet import UNet
from synthpath_kedro.parameters import DenoiserParameters, DiffusionParameters, SynthesisParameters
from synthpath_kedro.study.samplers import SAMPLERS
from synthpath_kedro.training.augmentation import POSITIONS
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
        autoencoder_flops: of its training and of encoding the training images; part of neither number above, while
            decoding is part of synthesis. None in pixel space, or where it cannot be counted.
    """

    forward_flops: float
    training_flops: float
    synthesis_flops: float
    training_seconds: float | None
    synthesis_seconds: float | None
    device: str
    denoisers: int = 1
    autoencoder_flops: float | None = None

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
        if self.autoencoder_flops is not None:
            line += f"; the autoencoder {_count(self.autoencoder_flops)}, decoding counted as synthesis"
        if self.training_seconds is None or self.synthesis_seconds is None:
            return line
        training, synthesis = _duration(self.training_seconds), _duration(self.synthesis_seconds)
        return f"{line}; on this machine's {self.device} about {training} and {synthesis}"


def forward_flops(parameters: DenoiserParameters, image_size: int, channels: int = 3) -> int:
    """Floating-point operations of one image's (or latent's) pass through the network (2 a multiply-add)."""
    with torch.device("meta"):
        network = UNet(parameters, 1, image_size, channels).eval()
        inputs = torch.empty(1, channels, image_size, image_size), torch.empty(1), torch.empty(1, dtype=torch.long)
    return _counted(lambda: network(*inputs))


def autoencoder_flops(config: Card, image_size: int) -> tuple[int, int]:
    """Floating-point operations of encoding one image, and of decoding it."""
    channels, downsample = latent_layout(config)
    size = image_size // downsample
    with torch.device("meta"):
        network: Any = build_network(config).eval()
        image, latent = torch.empty(1, 3, image_size, image_size), torch.empty(1, channels, size, size)
    return _counted(lambda: ENCODES[config[CLASS]](network, image)), _counted(lambda: network.decode(latent))


def _counted(forward: Callable[[], object]) -> int:
    # The counter knows matrix products and convolutions, not every fused attention.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter, torch.no_grad():
        forward()
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
        probe: whether to time the network here, a few seconds; without it a budget in minutes does not count.

    Raises:
        InputError: the image size does not fit the network.
    """
    channels, size = encoded_shape(params, image_size)
    one = forward_flops(params.denoiser, size, channels)
    steps_per_epoch = max(1, n_train // params.batch_size)
    trained_images = float(params.replicates * params.epochs(steps_per_epoch) * n_train)
    evaluated_images = float(params.replicates * _n_images(synthesis))
    evaluated_images *= SAMPLERS.find(synthesis.sampler).evaluations(synthesis.num_steps)
    evaluated_images *= 1 + _guided_share(params, synthesis)
    training_rate, forward_rate = _probe(params, synthesis, image_size) if probe else (None, None)
    if training_rate and params.budget_minutes:
        trained_images = min(trained_images, params.replicates * 60 * params.budget_minutes * training_rate)
    of_autoencoder, decoding = _autoencoder_cost(params, synthesis, n_train, image_size)
    return Cost(
        forward_flops=one,
        training_flops=one * (1 + _BACKWARD_PER_FORWARD) * trained_images,
        synthesis_flops=one * evaluated_images + decoding,
        autoencoder_flops=of_autoencoder,
        denoisers=params.replicates,
        training_seconds=training_rate and trained_images / training_rate,
        synthesis_seconds=forward_rate and evaluated_images / forward_rate,
        device="GPU" if choose_device().type != "cpu" else "CPU",
    )


def _guided_share(params: DiffusionParameters, synthesis: SynthesisParameters) -> float:
    """Of the noise levels, those at which the denoiser is evaluated twice."""
    if synthesis.guidance_scale == 1:
        return 0.0
    levels = make_parameterization(params).sampling_levels(synthesis.num_steps)[:-1]
    return float(is_guided(levels, synthesis.guidance_interval).double().mean())


def _autoencoder_cost(
    params: DiffusionParameters, synthesis: SynthesisParameters, n_train: int, image_size: int
) -> tuple[float | None, float]:
    """Of training it and encoding the training images; and of decoding the synthetic ones."""
    config = None if params.latent is None else autoencoder_config(params.latent)
    if params.latent is None or config is None:
        return None, 0.0
    encoding, decoding = autoencoder_flops(config, image_size)
    epochs = params.latent.max_epochs if params.latent.trained else 0
    training = (1 + _BACKWARD_PER_FORWARD) * (encoding + decoding) * epochs * n_train
    stored = encoding * n_train * (POSITIONS if params.augment else 1)
    return float(training + stored), float(decoding * params.replicates * _n_images(synthesis))


def _n_images(synthesis: SynthesisParameters) -> int:
    return sum(synthesis.counts.values()) if synthesis.counts else synthesis.n_images


def _probe(params: DiffusionParameters, synthesis: SynthesisParameters, image_size: int) -> tuple[float, float]:
    """Images per second in training and in evaluation."""
    device = choose_device()
    with torch.random.fork_rng():
        denoiser = planned_denoiser(params, image_size).to(device)
    shape = encoded_shape(params, image_size)
    training = images_per_second(lambda n: _train_once(denoiser, n, shape), params.batch_size, _PROBE_SECONDS)
    with torch.inference_mode(), computing_in(resolve_precision(synthesis.precision, device), device):
        forward = images_per_second(lambda n: _loss(denoiser, n, shape), synthesis.batch_size, _PROBE_SECONDS)
    return training, forward


def _train_once(denoiser: Denoiser, n: int, shape: tuple[int, int]) -> None:
    denoiser.zero_grad()
    _loss(denoiser, n, shape).backward()


def _loss(denoiser: Denoiser, n: int, shape: tuple[int, int]) -> torch.Tensor:
    device, (channels, size) = choose_device(), shape
    x = torch.zeros(n, channels, size, size, device=device)
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

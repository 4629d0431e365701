"""Time, memory and disk of the autoencoder of a study in latent space."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from synthpath_kedro.diffusion.autoencoder import CLASS, ENCODES, build_network, latent_layout
from synthpath_kedro.diffusion.autoencoder_weights import autoencoder_config
from synthpath_kedro.parameters import AutoencoderParameters, Parameters
from synthpath_kedro.planning.images import ImageCounts, count_sampled
from synthpath_kedro.planning.probe import saved_bytes
from synthpath_kedro.planning.steps import Step
from synthpath_kedro.training.augmentation import POSITIONS
from synthpath_kedro.training.device import choose_device
from synthpath_kedro.training.timing import images_per_second

NAME = "autoencoder"
_BYTES, _LATENT_BYTES = 4, 2  # of a float32, and of a stored latent's float16
_TRAINED_COPIES = 4  # weights, gradients and AdamW's two moments
_SECONDS = 0.5


def estimate_autoencoder(
    parameters: Parameters, block: AutoencoderParameters, images: ImageCounts | None, probe: bool
) -> Step:
    """Training it where it is trained, encoding the real images once and decoding the synthetic ones.

    Args:
        parameters: all of them.
        block: the block ``diffusion.autoencoder``, in latent space.
        images: how many there are; None: not known.
        probe: time its passes on this machine.

    Raises:
        InputError: a folder is not one with an autoencoder that fits.
    """
    config = autoencoder_config(block)
    if config is None:
        return Step(NAME, note="unknown: its configuration is not at hand")
    size = parameters.data_prep.image_size
    network: Any = build_network(config)
    encode = partial(ENCODES[config[CLASS]], network)
    weights = _BYTES * sum(parameter.numel() for parameter in network.parameters())
    of_one = saved_bytes(network, lambda: network.decode(encode(torch.zeros(1, 3, size, size))).sample)
    training = _TRAINED_COPIES * weights + block.batch_size * of_one
    if images is None:
        return Step(NAME, memory_bytes=training if block.trained else weights + of_one)
    channels, downsample = latent_layout(config)
    n_encoded = images.train * (POSITIONS if parameters.diffusion.augment else 1) + images.val
    n_trained = images.train * block.max_epochs if block.trained else 0
    seconds = None
    if probe:
        passes = _passes(network.to(choose_device()), encode, size)
        counts = (n_trained, n_encoded, count_sampled(parameters))
        timed = ((n, one) for n, one in zip(counts, passes, strict=True) if n)
        seconds = sum(n / images_per_second(one, block.batch_size, _SECONDS) for n, one in timed)
    return Step(
        NAME,
        seconds=seconds,
        memory_bytes=training if block.trained else weights + of_one,
        disk_bytes=weights + n_encoded * channels * (size // downsample) ** 2 * _LATENT_BYTES,
        note="with the decoding of the synthetic images",
    )


def _passes(network: Any, encode: Callable[[Tensor], Tensor], size: int) -> tuple[Callable[[int], None], ...]:
    """Training, encoding and decoding so many images."""
    image = torch.zeros(1, 3, size, size, device=choose_device())
    with torch.inference_mode():
        latent = encode(image)

    def train(n: int) -> None:
        network.decode(encode(image.expand(n, -1, -1, -1))).sample.mean().backward()

    def encode_only(n: int) -> None:
        with torch.inference_mode():
            encode(image.expand(n, -1, -1, -1))

    def decode_only(n: int) -> None:
        with torch.inference_mode():
            network.decode(latent.expand(n, -1, -1, -1))

    return train, encode_only, decode_only

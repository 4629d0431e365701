"""The autoencoder of latent diffusion: diffusers' networks, at rest, and as the encoder that a denoiser takes."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from synthpath_kedro.data.artifact import Artifact, Card, digest_arrays
from synthpath_kedro.diffusion.checkpoint import REMAKE, to_arrays
from synthpath_kedro.diffusion.encoder import PIXELS, Encoder, Images, Latents
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import AutoencoderParameters

KIND = "autoencoder"
CLASS = "_class_name"
"""The key of a configuration that names the class of diffusers."""

_AT_ONCE = 16
"""Images per forward pass: at full resolution each takes far more memory than its latent."""

_NETWORK, _MEAN, _STD = "network.", "latent_mean", "latent_std"


def _posterior_mean(network: Any, images: Images) -> Latents:
    return network.encode(images).latent_dist.mode()


def _latents(network: Any, images: Images) -> Latents:
    return network.encode(images).latents


ENCODES: Mapping[str, Callable[[nn.Module, Images], Latents]] = {
    "AutoencoderKL": _posterior_mean,
    "AutoencoderTiny": _latents,
}
"""How each class of diffusers that can be used gives the latents of images in [-1, 1]."""


def has_diffusers() -> bool:
    """Whether the package that has the autoencoders is installed."""
    return find_spec("diffusers") is not None


def check_diffusers() -> None:
    """Refuses latent diffusion where the package that has the autoencoders is not installed.

    Raises:
        InputError: with the line that installs it.
    """
    if not has_diffusers():
        raise InputError(
            'diffusion.space is latent, which needs diffusers: pip install "synthpath-kedro[latent]" '
            "(make setup-extras), or set diffusion.space to pixel"
        )


def small_autoencoder(params: AutoencoderParameters) -> Card:
    """The configuration of the network that ``weights: train`` trains: a small ``AutoencoderKL`` without attention."""
    levels = params.downsample.bit_length()
    channels = [params.base_channels * min(2**level, 4) for level in range(levels)]
    return {
        CLASS: "AutoencoderKL",
        "block_out_channels": channels,
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "layers_per_block": 1,
        "latent_channels": params.latent_channels,
        "norm_num_groups": 8,
        "mid_block_add_attention": False,
    }


def build_network(config: Card) -> nn.Module:
    """The untrained network that ``config`` describes."""
    check_diffusers()
    import diffusers

    return getattr(diffusers, config[CLASS]).from_config(config)


def latent_layout(config: Card) -> tuple[int, int]:
    """Channels of the latents, and pixels of an image per pixel of its latent."""
    blocks = config.get("block_out_channels") or config["encoder_block_out_channels"]
    return config["latent_channels"], 2 ** (len(blocks) - 1)


class LatentEncoder:
    """Latents of unit variance per channel.

    Args:
        network: one of diffusers' autoencoders.
        config: its configuration.
        card: what decides the latents.
        mean: of each channel of the network's own latents, on training images.
        std: likewise.
    """

    bounded = False

    def __init__(
        self,
        network: nn.Module,
        config: Card,
        card: Card,
        mean: Float[Tensor, " channels"],
        std: Float[Tensor, " channels"],
    ) -> None:
        self.card = card
        self._network = network.requires_grad_(False).eval()
        self._encode = ENCODES[config[CLASS]]
        self._channels, self._downsample = latent_layout(config)
        self._mean, self._std = mean[:, None, None], std[:, None, None]

    def shape(self, image_size: int) -> tuple[int, int]:
        return self._channels, image_size // self._downsample

    @torch.no_grad()
    def encode(self, images: Images) -> Latents:
        network, mean, std = self._on(images.device)
        raw = torch.cat([self._encode(network, part) for part in images.split(_AT_ONCE)])
        return (raw - mean) / std

    @torch.no_grad()
    def decode(self, latents: Latents) -> Images:
        network, mean, std = self._on(latents.device)
        raw = latents * std + mean
        return torch.cat([network.decode(part).sample for part in raw.split(_AT_ONCE)])

    def _on(self, device: torch.device) -> tuple[Any, Tensor, Tensor]:
        return self._network.to(device), self._mean.to(device), self._std.to(device)


def autoencoder_artifact(network: nn.Module, config: Card, scale: tuple[Tensor, Tensor], provenance: Card) -> Artifact:
    """The autoencoder as named float32 arrays, with a card from which it can be rebuilt.

    Args:
        network: one of diffusers' autoencoders.
        config: its configuration.
        scale: mean and standard deviation [channels] of its latents of training images.
        provenance: where the weights come from, digest of the data, and whatever else should be known.
    """
    weights = {f"{_NETWORK}{name}": tensor for name, tensor in network.state_dict().items()}
    tensors = to_arrays(weights | dict(zip((_MEAN, _STD), scale, strict=True)))
    return Artifact(tensors, {**provenance, "kind": KIND, "config": config, "digest": digest_arrays(tensors)})


def load_encoder(autoencoder: Artifact | None) -> Encoder:
    """The encoder of the space that ``autoencoder`` leads to; None: pixel space.

    Raises:
        InputError: diffusers is not installed, or the artifact is not what its card describes.
    """
    if autoencoder is None:
        return PIXELS
    card = autoencoder.card
    if card.get("kind") != KIND or autoencoder.digest != card["digest"]:
        raise InputError(f"the autoencoder's weights are not those that were saved: the file is damaged; {REMAKE}")
    network = build_network(card["config"])
    weights = {name: torch.tensor(np.asarray(array)) for name, array in autoencoder.tensors.items()}
    mean, std = weights.pop(_MEAN), weights.pop(_STD)
    try:
        network.load_state_dict({name.removeprefix(_NETWORK): tensor for name, tensor in weights.items()})
    except RuntimeError as error:
        raise InputError(f"the autoencoder's weights do not fit its card: from another version; {REMAKE}") from error
    return LatentEncoder(network, card["config"], {"name": "latent", "autoencoder": card["digest"]}, mean, std)

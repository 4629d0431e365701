"""The seam between the space that a denoiser works in and pixels."""

from typing import Protocol

from jaxtyping import Float
from torch import Tensor

from synthpath_kedro.data.artifact import Card
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import DiffusionParameters

Images = Float[Tensor, "batch 3 size size"]
Latents = Float[Tensor, "batch channels latent_size latent_size"]


class Encoder(Protocol):
    """Turns images into what the denoiser learns, and back.

    Both directions run without gradients, on the device of what they are given.
    """

    @property
    def card(self) -> Card:
        """What decides its results, as plain JSON; it has a ``name``. Part of the denoiser's card."""

    @property
    def bounded(self) -> bool:
        """Whether latents lie in [-1, 1], so that a predicted one can be clipped to it."""

    def shape(self, image_size: int) -> tuple[int, int]:
        """Channels and height (which is the width) of the latents of images of ``image_size`` pixels."""

    def encode(self, images: Images) -> Latents:
        """Images in [-1, 1] to latents of about unit variance or less."""

    def decode(self, latents: Latents) -> Images:
        """Latents to images, in [-1, 1] up to the denoiser's errors."""


class PixelEncoder:
    """The identity: the denoiser works on the pixels themselves."""

    card: Card = {"name": "pixel"}
    bounded = True

    def shape(self, image_size: int) -> tuple[int, int]:
        return 3, image_size

    def encode(self, images: Images) -> Latents:
        return images

    def decode(self, latents: Latents) -> Images:
        return latents


PIXELS = PixelEncoder()


def encoded_shape(parameters: DiffusionParameters, image_size: int) -> tuple[int, int]:
    """Channels and height of what a denoiser of ``parameters`` works on, without any encoder at hand.

    Raises:
        InputError: the images cannot be halved as often as the autoencoder does.
    """
    latent = parameters.latent
    if latent is None:
        return PIXELS.shape(image_size)
    if image_size % latent.downsample:
        raise InputError(
            f"data_prep.image_size is {image_size}, which is not a multiple of diffusion.autoencoder.downsample "
            f"{latent.downsample}; set one of them"
        )
    return latent.latent_channels, image_size // latent.downsample

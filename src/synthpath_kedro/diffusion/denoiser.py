"""The denoiser D(x; level, label): the network in its parameterization."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from synthpath_kedro.diffusion.encoder import PIXELS, Encoder, encoded_shape
from synthpath_kedro.diffusion.parameterization import NoiseLevels, Parameterization, make_parameterization
from synthpath_kedro.diffusion.textures import Textures
from synthpath_kedro.diffusion.unet import UNet
from synthpath_kedro.parameters import DiffusionParameters

Images = Float[Tensor, "batch channels size size"]
Labels = Int[Tensor, " batch"]


class Denoiser(nn.Module):
    """Predicts the image behind a noisy image.

    Attributes:
        network: F; anything that maps (x, noise level, labels) to an image.
        parameterization: what the network predicts.
        null_label: the label of an image without label.
        textures: their estimate stands in for the parameterization's skip connection, and the network sees it beside
            the noisy image; None: Karras et al.'s own.
    """

    def __init__(
        self, network: nn.Module, parameterization: Parameterization, null_label: int, textures: Textures | None = None
    ) -> None:
        super().__init__()
        self.network, self.parameterization, self.null_label = network, parameterization, null_label
        self.textures = textures

    def denoise(self, x: Images, levels: NoiseLevels, labels: Labels) -> Images:
        """The expected image x0, in [-1, 1] up to the network's errors.

        Args:
            x: noisy images.
            levels: one noise level per image, or one for all.
            labels: 0 to ``null_label``.
        """
        levels = levels.to(x.device)
        estimate, error, seen = self._estimate(x, levels, labels)
        time = levels.time.to(x.dtype).expand(len(x))
        return estimate + error * self.network(seen, time, labels)

    def loss(self, x0: Images, noise: Images, levels: NoiseLevels, labels: Labels) -> Float[Tensor, ""]:
        """Mean squared error of the network's output against the one that gives back ``x0``."""
        x = _column(levels.alpha, x0) * x0 + _column(levels.sigma, x0) * noise
        estimate, error, seen = self._estimate(x, levels, labels)
        output = self.network(seen, levels.time.to(x.dtype), labels)
        if self.textures is not None:
            return nn.functional.mse_loss(output.float(), (x0 - estimate) / error)
        c = self.parameterization.precondition(levels)
        # (x0 - c_skip x) / c_out with x written out: for epsilon its large terms cancel here, before they are rounded.
        target = _column((1 - c.c_skip * levels.alpha) / c.c_out, x) * x0
        target = target - _column(c.c_skip * levels.sigma / c.c_out, x) * noise
        return nn.functional.mse_loss(output.float(), target)

    def _estimate(self, x: Images, levels: NoiseLevels, labels: Labels) -> tuple[Images, Tensor, Tensor]:
        """The estimate of x0 that the network corrects, the factor of its output, and what it sees."""
        c = self.parameterization.precondition(levels)
        scaled = _column(c.c_in, x) * x
        if self.textures is None:
            return _column(c.c_skip, x) * x, _column(c.c_out, x), scaled
        estimate, error = self.textures.estimate(x, levels, labels)
        return estimate, error, torch.cat([scaled, estimate], 1)


def make_denoiser(
    parameters: DiffusionParameters, n_classes: int, image_size: int, encoder: Encoder = PIXELS
) -> Denoiser:
    """An untrained denoiser of the images that ``encoder`` encodes.

    Raises:
        InputError: the image size does not fit the network's depth.
    """
    return _denoiser(parameters, n_classes, *encoder.shape(image_size))


def planned_denoiser(parameters: DiffusionParameters, image_size: int) -> Denoiser:
    """An untrained denoiser of one class, for estimates: no encoder need be at hand.

    Raises:
        InputError: the image size does not fit the autoencoder or the network's depth.
    """
    return _denoiser(parameters, 1, *encoded_shape(parameters, image_size))


def _denoiser(parameters: DiffusionParameters, n_classes: int, channels: int, size: int) -> Denoiser:
    n = parameters.textures
    network = UNet(parameters.denoiser, n_classes, size, channels, channels_given=2 * channels if n else channels)
    textures = Textures(n, n_classes + 1, channels, size) if n else None
    return Denoiser(network, make_parameterization(parameters), network.null_label, textures)


def _column(coefficient: Tensor, x: Images) -> Float[Tensor, "batch 1 1 1"]:
    return coefficient.to(x.dtype)[:, None, None, None]

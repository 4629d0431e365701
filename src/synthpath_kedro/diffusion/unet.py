"""The denoiser's network: a class-conditional U-Net (Ho et al. 2020; FiLM as in Nichol & Dhariwal 2021)."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import DenoiserParameters

Images = Float[Tensor, "batch channels size size"]
Features = Float[Tensor, "batch channels height width"]

_HEAD_CHANNELS = 64
_MAX_GROUPS = 8
"""Of a group norm; on a CPU its backward pass with channels last costs in proportion to them."""


class UNet(nn.Module):
    """Maps a noisy image (or latent), its noise level and its label to one of the same shape.

    Args:
        parameters: width, depth, residual blocks per resolution, resolutions with self-attention.
        n_classes: classes; label ``n_classes`` is the null label: no label.
        image_size: height and width.
        image_channels: 3 for pixels, or those of an encoder's latents.
        channels_given: those of the input, where it holds more than the noisy image.

    Raises:
        InputError: ``image_size`` cannot be halved as often as ``parameters`` ask.
    """

    def __init__(
        self,
        parameters: DenoiserParameters,
        n_classes: int,
        image_size: int,
        image_channels: int = 3,
        channels_given: int | None = None,
    ) -> None:
        super().__init__()
        check_size(parameters, image_size)
        base = parameters.base_channels
        widths = [base * multiplier for multiplier in parameters.channel_multipliers]
        attends = [size in parameters.attention_resolutions for size in resolutions(parameters, image_size)]
        n_blocks, dropout = parameters.residual_blocks, parameters.dropout

        self.null_label = n_classes
        self.frequencies = nn.Buffer(_frequencies(base), persistent=False)
        self.time_embedding = nn.Sequential(nn.Linear(2 * base, 4 * base), nn.SiLU(), nn.Linear(4 * base, 4 * base))
        self.label_embedding = nn.Embedding(n_classes + 1, 4 * base)

        self.conv_in = nn.Conv2d(channels_given or image_channels, base, 3, padding=1)
        self.down = nn.ModuleList()
        channels, skips = base, [base]
        for level, width in enumerate(widths):
            for _ in range(n_blocks):
                self.down.append(ResBlock(channels, width, attends[level], dropout))
                channels = width
                skips.append(channels)
            if level < len(widths) - 1:
                self.down.append(nn.Conv2d(channels, channels, 3, stride=2, padding=1))
                skips.append(channels)

        self.middle = nn.ModuleList(
            [ResBlock(channels, channels, any(attends), dropout), ResBlock(channels, channels, False, dropout)]
        )

        self.up = nn.ModuleList()
        for level, width in reversed(list(enumerate(widths))):
            for _ in range(n_blocks + 1):
                self.up.append(ResBlock(channels + skips.pop(), width, attends[level], dropout))
                channels = width
            if level > 0:
                self.up.append(Upsample(channels))
        self.conv_out = nn.Sequential(
            _norm(channels), nn.SiLU(), _zeroed(nn.Conv2d(channels, image_channels, 3, padding=1))
        )

        self.blocks = [module for module in self.modules() if isinstance(module, ResBlock)]
        # One matrix product conditions every block: many small ones would cost more than they compute.
        self.film = _zeroed(nn.Linear(4 * base, sum(2 * block.residual.width for block in self.blocks)))
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Images, noise: Float[Tensor, " batch"], labels: Int[Tensor, " batch"]) -> Images:
        """The network's output F(x; noise, label).

        Args:
            x: noisy images, scaled to about unit variance.
            noise: the noise level as a number of about 0 to 1000 in size (a timestep, or a scaled logarithm).
            labels: 0 to ``null_label``.
        """
        films = self._films(noise, labels)
        h = self.conv_in(x.contiguous(memory_format=torch.channels_last))
        skips = [h]
        for module in self.down:
            h = module(h, next(films)) if isinstance(module, ResBlock) else module(h)
            skips.append(h)
        for module in self.middle:
            h = module(h, next(films))
        for module in self.up:
            h = module(torch.cat([h, skips.pop()], 1), next(films)) if isinstance(module, ResBlock) else module(h)
        return self.conv_out(h)

    def _films(self, noise: Tensor, labels: Tensor) -> Iterator[Tensor]:
        phases = noise[:, None].to(self.frequencies.dtype) * self.frequencies
        waves = torch.cat([phases.cos(), phases.sin()], 1)
        embedding = functional.silu(self.time_embedding(waves) + self.label_embedding(labels))
        return iter(
            self.film(embedding)[:, :, None, None].split([2 * block.residual.width for block in self.blocks], 1)
        )


class ResBlock(nn.Module):
    """Residual convolutions and, at some resolutions, self-attention."""

    def __init__(self, channels: int, width: int, attends: bool, dropout: float) -> None:
        super().__init__()
        self.residual = Residual(channels, width, dropout)
        self.attention = SelfAttention(width) if attends else nn.Identity()

    def forward(self, x: Features, film: Tensor) -> Features:
        return self.attention(self.residual(x, film))


class Residual(nn.Module):
    """Two convolutions; the noise level and the label scale and shift between them (FiLM)."""

    def __init__(self, channels: int, width: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.norm1 = _norm(channels)
        self.conv1 = nn.Conv2d(channels, width, 3, padding=1)
        self.norm2 = _norm(width)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = _zeroed(nn.Conv2d(width, width, 3, padding=1))
        self.skip = nn.Conv2d(channels, width, 1) if channels != width else nn.Identity()

    def forward(self, x: Features, film: Float[Tensor, "batch twice_width 1 1"]) -> Features:
        scale, shift = film.chunk(2, 1)
        h = self.conv1(functional.silu(self.norm1(x)))
        h = torch.addcmul(shift, self.norm2(h), 1 + scale)
        return self.skip(x) + self.conv2(self.dropout(functional.silu(h)))


class SelfAttention(nn.Module):
    """Attention of every pixel to every pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = _heads(channels)
        self.norm = _norm(channels)
        self.query_key_value = nn.Linear(channels, 3 * channels)
        self.project = _zeroed(nn.Linear(channels, channels))

    def forward(self, x: Features) -> Features:
        batch, channels, height, width = x.shape
        # Channels last in memory: the pixels are rows already.
        pixels = self.norm(x).permute(0, 2, 3, 1).reshape(batch, height * width, channels)
        query, key, value = self.query_key_value(pixels).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        return x + self.project(attended).reshape(batch, height, width, channels).permute(0, 3, 1, 2)


class Upsample(nn.Module):
    """Doubles height and width."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Features) -> Features:
        return self.conv(functional.interpolate(x, scale_factor=2.0, mode="nearest"))


def resolutions(parameters: DenoiserParameters, image_size: int) -> list[int]:
    """Height and width in pixels at each level of the network, the image's own first."""
    return [image_size // 2**level for level in range(len(parameters.channel_multipliers))]


def check_size(parameters: DenoiserParameters, image_size: int) -> None:
    """Refuses an image size that the network cannot halve once for each resolution but the last.

    Raises:
        InputError: with the sizes that would do.
    """
    halvings = len(parameters.channel_multipliers) - 1
    if image_size % 2**halvings:
        below = image_size // 2**halvings * 2**halvings
        fits = [size for size in (below, below + 2**halvings) if size > 0]
        raise InputError(
            f"diffusion.denoiser.channel_multipliers {list(parameters.channel_multipliers)} halves the image "
            f"{halvings} times, which data_prep.image_size {image_size} does not allow: use image_size "
            f"{' or '.join(map(str, fits))}, or fewer multipliers"
        )


def _frequencies(n: int) -> Tensor:
    return torch.exp(-math.log(10_000) * torch.arange(n) / n)


def _heads(channels: int) -> int:
    """Heads of about 64 channels (Dhariwal & Nichol 2021) that share the channels evenly."""
    return next(heads for heads in range(max(1, channels // _HEAD_CHANNELS), 0, -1) if channels % heads == 0)


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(min(_MAX_GROUPS, channels // 4), channels)


def _zeroed(layer: nn.Module) -> nn.Module:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer

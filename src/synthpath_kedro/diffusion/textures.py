"""What is known of an image before any training: a mixture of Gaussian textures for each class.

A texture is a stationary Gaussian field: a mean color and a power spectrum, hence a grain, a stain and a direction of
fibers, but no nucleus, no edge and no ring. The expected image behind a noisy one has a closed form under a mixture of
them: the Wiener filter of each texture (Wiener 1949), weighted by how probable the texture is. Karras et al.'s skip
connection is the same for a single texture of white noise; with textures of the class's own, what is left to the
network is what no spectrum holds. Textures are found by hard expectation maximization under Whittle's likelihood
(Whittle 1953), in which the Fourier coefficients of a field are independent.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor, nn

from synthpath_kedro.diffusion.parameterization import NoiseLevels
from synthpath_kedro.training.seeding import Stream, seeded_generator

Images = Float[Tensor, "batch channels size size"]
Spectra = Float[Tensor, "labels textures channels size half"]

_ITERATIONS = 15
_WEIGHT_OF_ALL = 4.0
"""A texture's spectrum is averaged with that of its whole class as if so many more images had that one."""
_LEAST_POWER = 1e-5
_DARKEST_EDGE = 0.1
"""Of the window: images do not go on beyond their edges as Fourier coefficients have it, so edges count less."""


class Textures(nn.Module):
    """The textures of every class, and of all classes together for the null label.

    Args:
        n: textures of a class.
        n_labels: classes and the null label.
        channels: of an image.
        size: its height and width.

    Attributes:
        colors: orthonormal [channels, channels]; rows are the directions in which pixels vary independently.
        means: [n_labels, n, channels] mean of a texture, along ``colors``.
        spectra: [n_labels, n, channels, size, size // 2 + 1] variance of each coefficient of the orthonormal ``rfft2``,
            along ``colors``; that of the mean is how much it varies from image to image.
        log_shares: [n_labels, n] logarithm of how many images have the texture.
    """

    def __init__(self, n: int, n_labels: int, channels: int, size: int) -> None:
        super().__init__()
        self.size = size
        half = size // 2 + 1
        self.colors = nn.Buffer(torch.eye(channels))
        self.means = nn.Buffer(torch.zeros(n_labels, n, channels))
        self.spectra = nn.Buffer(torch.ones(n_labels, n, channels, size, half))
        self.log_shares = nn.Buffer(torch.full((n_labels, n), -math.log(n)))
        self.counts = nn.Buffer(_counts(size), persistent=False)

    def fit(self, examples: Sequence[Images], seed: int) -> None:
        """Finds the textures.

        Args:
            examples: images of each class as the denoiser is trained on them, and of all classes for the null label;
                some thousands are plenty. A class without images gets the textures of all.
            seed: decides where the search begins.
        """
        generator = seeded_generator(seed, Stream.DENOISER_TEXTURES)
        self.colors.copy_(_independent_colors(torch.cat(list(examples[:-1]))))
        for label, images in enumerate(examples):
            self._fit_label(label, self._turned(images if len(images) else examples[-1]), generator)

    def estimate(
        self, x: Images, levels: NoiseLevels, labels: Int[Tensor, " batch"]
    ) -> tuple[Images, Float[Tensor, "batch 1 1 1"]]:
        """The expected image behind x = alpha x0 + sigma epsilon, and the standard deviation of its error.

        The error is that within a texture: which one it is, is mostly clear before anything else is.
        """
        # Half precision would lose the small coefficients beside the mean.
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            return self._estimate(x.float(), levels, labels)

    def _estimate(self, x: Images, levels: NoiseLevels, labels: Tensor) -> tuple[Tensor, Tensor]:
        alpha, noise = (
            values.to(x.dtype).expand(len(x)).view(-1, 1, 1, 1, 1) for values in (levels.alpha, levels.sigma.square())
        )
        y = _fourier(self._turned(x))
        means, spectra = self.means[labels] * self.size, self.spectra[labels]
        variance = alpha.square() * spectra + noise
        power = y.abs().square()[:, None].expand_as(variance).clone()
        centered = y[:, None, :, 0, 0].real - alpha[..., 0, 0] * means
        power[..., 0, 0] = centered.square()
        misfit = (self.counts * (power / variance + variance.log())).sum((2, 3, 4))
        share = torch.softmax(self.log_shares[labels] - misfit, 1)[:, :, None, None, None]
        gain = alpha * spectra / variance
        estimate = (share * gain).sum(1) * y
        mean = share[..., 0, 0] * (means + gain[..., 0, 0] * centered)
        estimate[:, :, 0, 0] = mean.sum(1).to(estimate.dtype)
        error = (share * self.counts * spectra * noise / variance).sum((1, 2, 3, 4)) / self._coefficients
        return self._turned_back(_inverse(estimate, self.size)), error.sqrt()[:, None, None, None]

    def _fit_label(self, label: int, images: Images, generator: torch.Generator) -> None:
        """Hard expectation maximization, beginning at images that are unlike each other."""
        means, power = images.mean((2, 3)), _periodograms(images)
        n, whole = self.means.shape[1], power.mean(0)
        mean_variance = means.var(0, correction=0) + _LEAST_POWER
        spectra = _smooth((power[self._unlike(power, n, generator)] + _WEIGHT_OF_ALL * whole) / (1 + _WEIGHT_OF_ALL))
        centers, spreads = means.mean(0).expand(n, -1), mean_variance.expand(n, -1)
        log_shares = torch.full((n,), -math.log(n))
        for _ in range(_ITERATIONS):
            misfit = self._misfit(power, spectra) + _normal_misfit(means, centers, spreads) - log_shares
            members = nn.functional.one_hot(misfit.argmin(1), n).to(power)
            count = members.sum(0)
            weight = (count + _WEIGHT_OF_ALL)[:, None]
            spectra = _smooth(
                (torch.einsum("bt,bchw->tchw", members, power) + _WEIGHT_OF_ALL * whole) / weight[..., None, None]
            )
            centers = (members.T @ means + _WEIGHT_OF_ALL * means.mean(0)) / weight
            deviations = (means[:, None] - centers).square()
            spreads = ((members[..., None] * deviations).sum(0) + _WEIGHT_OF_ALL * mean_variance) / weight
            log_shares = ((count + 1) / (len(images) + n)).log()
        spectra[:, :, 0, 0] = spreads * self.size**2
        for kept, found in zip(
            (self.means, self.spectra, self.log_shares), (centers, spectra, log_shares), strict=True
        ):
            kept[label] = found

    def _unlike(self, power: Tensor, n: int, generator: torch.Generator) -> list[int]:
        """Rows to begin at, each drawn the likelier the worse the spectra before it fit (as k-means++ does)."""
        chosen = [int(torch.randint(len(power), (1,), generator=generator))]
        smooth = _smooth(power)
        own = self._own_misfit(smooth)
        worse = torch.full((len(power),), math.inf)
        while len(chosen) < n:
            newest = self._misfit(smooth, smooth[chosen[-1:]])[:, 0] - own
            worse = torch.minimum(worse, newest).clamp(min=_LEAST_POWER)
            chosen.append(int(torch.multinomial(worse, 1, generator=generator)))
        return chosen

    def _misfit(self, power: Tensor, spectra: Tensor) -> Float[Tensor, "batch textures"]:
        """Minus Whittle's log-likelihood, but for a constant."""
        logs = (self.counts * spectra.log()).sum((1, 2, 3))
        return power.flatten(1) @ (self.counts / spectra).flatten(1).T + logs

    def _own_misfit(self, power: Tensor) -> Float[Tensor, " batch"]:
        return (self.counts * (1 + power.log())).sum((1, 2, 3))

    @property
    def _coefficients(self) -> Tensor:
        return self.counts.sum() * self.size * len(self.colors)

    def _turned(self, x: Images) -> Images:
        return torch.einsum("ij,bjhw->bihw", self.colors, x)

    def _turned_back(self, x: Images) -> Images:
        return torch.einsum("ji,bjhw->bihw", self.colors, x)


def _independent_colors(images: Images) -> Float[Tensor, "channels channels"]:
    centered = (images - images.mean((2, 3), keepdim=True)).transpose(0, 1).flatten(1).double()
    return torch.linalg.eigh(centered @ centered.T).eigenvectors.T.to(images)


def _counts(size: int) -> Float[Tensor, " half"]:
    """How many complex numbers' worth each column of ``rfft2`` stands for, over two: half of it is left out there."""
    counts = torch.ones(size // 2 + 1)
    counts[0] = 0.5
    if size % 2 == 0:
        counts[-1] = 0.5
    return counts


def _window(size: int) -> Float[Tensor, "size size"]:
    """Hann's, on a pedestal, with a mean square of 1."""
    edge = _DARKEST_EDGE + (1 - _DARKEST_EDGE) * torch.hann_window(size, periodic=False)
    window = edge[:, None] * edge
    return window / window.square().mean().sqrt()


def _periodograms(images: Images) -> Float[Tensor, "batch channels size half"]:
    size = images.shape[-1]
    power = _fourier((images - images.mean((2, 3), keepdim=True)) * _window(size)).abs().square()
    power[..., 0, 0] = (power[..., 0, 1] + power[..., 1, 0]) / 2  # its own went with the mean
    return power


def _smooth(power: Tensor) -> Tensor:
    """Each coefficient averaged with its neighbors; those beyond ``rfft2``'s half are mirrored in it."""
    size, half = power.shape[-2:]
    before, after = (power[..., column, None].flip(-2).roll(1, -2) for column in (1, size - half))
    wide = torch.cat([before, power, after], -1)
    across = (wide[..., :-2] + 2 * power + wide[..., 2:]) / 4
    return (across.roll(1, -2) + 2 * across + across.roll(-1, -2)) / 4 + _LEAST_POWER


def _normal_misfit(values: Tensor, means: Tensor, variances: Tensor) -> Float[Tensor, "batch textures"]:
    return ((values[:, None] - means).square() / variances + variances.log()).sum(2) / 2


def _fourier(x: Images) -> Complex[Tensor, "batch channels size half"]:
    return torch.fft.rfft2(x, norm="ortho")


def _inverse(y: Complex[Tensor, "batch channels size half"], size: int) -> Images:
    return torch.fft.irfft2(y, s=(size, size), norm="ortho")

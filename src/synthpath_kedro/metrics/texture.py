"""How an image's contrast is spread over coarse and fine structure: its radial power spectrum."""

import numpy as np
from jaxtyping import Float, UInt8

from synthpath_kedro.metrics.stain import optical_density

_ROUNDING = (1 / (255 * np.log(10))) ** 2 / 12
"""Variance that rounding to whole gray levels adds to the density of a white pixel; keeps logarithms finite."""


def log_spectrum(images: UInt8[np.ndarray, "n height width 3"]) -> Float[np.ndarray, "n rings"]:
    """Power of the optical density by spatial frequency, in dB above each image's own mean over frequencies.

    The density is the mean over R, G and B, without its own mean, under a Hann window. Ring r holds the frequencies
    that round to r cycles per image, r = 1 to half of the pixels. Only the shape is kept: a stronger stain, which
    multiplies the density, changes nothing.

    Returns:
        float32 [n, size // 2].
    """
    size = images.shape[1]
    density = optical_density(images).mean(axis=-1)
    window = np.hanning(size + 2)[1:-1]
    window = np.outer(window, window)
    density = (density - density.mean(axis=(1, 2), keepdims=True)) * window
    power = np.abs(np.fft.rfft2(density)) ** 2 / (window**2).sum() + _ROUNDING
    rings = _rings(size)
    n_rings = size // 2
    log_power = np.stack([10 * np.log10(power[:, rings == r].mean(axis=1)) for r in range(1, n_rings + 1)], axis=1)
    return (log_power - log_power.mean(axis=1, keepdims=True)).astype(np.float32)


def spectral_distance(reference: Float[np.ndarray, "n rings"], candidate: Float[np.ndarray, "m rings"]) -> float:
    """Squared difference of the sets' mean log spectra, averaged over frequencies, in dB².

    Unbiased: what the spread between images adds to it is taken off, so that it can fall below 0.

    Returns:
        nan where either set has fewer than two images.
    """
    n, m = len(reference), len(candidate)
    if min(n, m) < 2:
        return float("nan")
    a, b = reference.astype(np.float64), candidate.astype(np.float64)
    chance = a.var(axis=0, ddof=1) / n + b.var(axis=0, ddof=1) / m
    return float(((a.mean(axis=0) - b.mean(axis=0)) ** 2 - chance).mean())


def _rings(size: int) -> np.ndarray:
    """Cycles per image, rounded, of every frequency of a real transform: int64 [size, size // 2 + 1]."""
    rows, columns = np.fft.fftfreq(size, 1 / size), np.fft.rfftfreq(size, 1 / size)
    return np.rint(np.hypot(rows[:, None], columns)).astype(np.int64)

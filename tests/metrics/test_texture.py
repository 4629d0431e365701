import numpy as np
import pytest

from synthpath_kedro.metrics.texture import log_spectrum, spectral_distance


def waves(cycles, amplitude=0.1, size=32):
    """An image whose density is a wave of so many cycles."""
    density = 0.4 + amplitude * np.sin(2 * np.pi * cycles * np.arange(size) / size)
    return np.repeat(np.rint(255 * 10 ** -np.tile(density, (size, 1)))[None, ..., None], 3, axis=-1).astype(np.uint8)


@pytest.mark.parametrize("cycles", [2, 5, 11])
def test_the_power_of_a_wave_is_in_its_own_ring(cycles):
    spectrum = log_spectrum(waves(cycles))
    assert spectrum.shape == (1, 16)
    assert spectrum[0].argmax() + 1 == cycles


def test_white_noise_is_flat():
    rng = np.random.default_rng(0)
    images = np.rint(255 * 10 ** -(0.4 + 0.05 * rng.normal(size=(200, 32, 32, 3)))).astype(np.uint8)
    rings = log_spectrum(images).mean(axis=0)[2:]  # the first rings hold few frequencies, whose logarithms are low
    assert rings.max() - rings.min() < 1


def test_the_strength_of_a_stain_is_not_texture():
    rng = np.random.default_rng(0)
    density = rng.random((20, 32, 32, 3))
    weak, strong = (np.rint(255 * 10 ** -(strength * density)).astype(np.uint8) for strength in (0.2, 0.4))
    assert log_spectrum(weak) == pytest.approx(log_spectrum(strong), abs=0.3)


def test_a_blank_image_has_a_finite_spectrum():
    assert log_spectrum(np.full((1, 9, 9, 3), 255, np.uint8)) == pytest.approx(np.zeros((1, 4)), abs=1e-3)


def test_the_distance_is_the_squared_difference_of_means_over_rings():
    a, b = np.zeros((5, 2)), np.tile([1.0, 3.0], (7, 1))
    assert spectral_distance(a, b) == pytest.approx((1 + 9) / 2)
    assert np.isnan(spectral_distance(a[:1], b))
    assert np.isnan(spectral_distance(a, b[:0]))


def test_the_distance_is_unbiased_at_any_size():
    rng = np.random.default_rng(0)
    for n in (3, 30):
        draws = [spectral_distance(rng.normal(size=(n, 8)), rng.normal(size=(20, 8))) for _ in range(500)]
        assert abs(np.mean(draws)) < 4 * np.std(draws) / np.sqrt(500)
        assert min(draws) < 0

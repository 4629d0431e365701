import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from synthpath_kedro.metrics.learning_curve import (
    central,
    images_needed,
    real_images_worth,
    resampled_accuracies,
    worth_of,
)

N = np.array([100, 200, 400, 800, 1600])


def logistic(n):
    """An accuracy that rises from .5 to .95 with log n."""
    return 0.5 + 0.45 / (1 + np.exp(-1.5 * (np.log(n) - np.log(400))))


def log_linear(n):
    return 0.5 + 0.1 * np.log(n / 100)


@pytest.mark.parametrize("planted", [0, 100, 300, 700])
def test_on_a_log_linear_curve_the_planted_shift_is_found_exactly(planted: int) -> None:
    worth = worth_of(N, log_linear(N), log_linear(N + planted))
    inside = N + planted <= N[-1]
    assert worth[inside] == pytest.approx(np.full(inside.sum(), planted), abs=1e-6)
    assert (worth[~inside] == np.inf).all()


def test_on_a_logistic_curve_the_planted_shift_is_found_to_the_error_of_interpolation() -> None:
    fine = np.unique(np.geomspace(100, 1600, 60).astype(int))
    worth = worth_of(fine, logistic(fine), logistic(fine + 250))
    inside = fine + 250 <= 1600
    assert worth[inside] == pytest.approx(np.full(inside.sum(), 250), rel=0.01)


def test_a_harmful_set_is_worth_a_negative_number_and_below_the_curve_minus_infinity() -> None:
    worth = worth_of(N, log_linear(N), log_linear(N) - 0.1 * np.log(2))
    assert worth[0] == -np.inf
    assert worth[1:] == pytest.approx(-N[1:] / 2)


def test_a_falling_stretch_of_the_curve_is_leveled() -> None:
    falling = np.array([0.5, 0.7, 0.6, 0.8, 0.9])
    assert images_needed(N, np.array([0.5, 0.65, 0.65, 0.8, 0.9]), np.array([0.65, 0.9, 0.5])) == pytest.approx(
        [200, 1600, 100]
    )
    assert worth_of(N, falling, falling)[3] == pytest.approx(0)
    between_the_first_two = 100 * 2 ** (0.14 / 0.15)
    assert worth_of(N, falling, np.full(5, 0.64))[0] == pytest.approx(between_the_first_two - 100)


@given(st.lists(st.floats(0.1, 0.9), min_size=5, max_size=5), st.floats(0.0, 1.0), st.floats(0.0, 0.2))
def test_more_accuracy_never_needs_fewer_images(curve: list[float], accuracy: float, more: float) -> None:
    low, high = images_needed(N, np.sort(curve), np.array([accuracy, accuracy + more]))
    assert low <= high


def test_infinite_draws_have_a_place_in_the_interval() -> None:
    draws = np.concatenate([np.full(10, -np.inf), np.arange(80.0), np.full(10, np.inf)])[:, None]
    assert [float(end[0]) for end in central(draws)] == [-np.inf, np.inf]
    few = np.concatenate([np.arange(199.0), [np.inf]])[:, None]
    assert float(central(few)[1][0]) == 194.0


def test_replicates_that_are_drawn_again_vary_as_their_standard_error_says() -> None:
    generator = np.random.default_rng(0)
    cell = generator.random((4, 5000)) < np.array([0.7, 0.72, 0.74, 0.76])[:, None]
    drawn = resampled_accuracies([cell], None, 4000, 0)[0]
    over_seeds = cell.mean(axis=1).var(ddof=1) / 4
    over_images = cell.mean(axis=0).var() / 5000
    assert drawn.var() == pytest.approx(over_seeds + over_images, rel=0.1)


def test_whole_patients_are_drawn() -> None:
    generator = np.random.default_rng(0)
    patients = np.repeat(np.arange(20), 50)
    cell = np.tile(np.repeat(generator.random(20) < 0.7, 50), (2, 1))
    alone, together = (resampled_accuracies([cell], groups, 500, 0).std() for groups in (None, patients))
    assert together > 3 * alone


def simulated(
    generator: np.random.Generator, accuracies: np.ndarray, n_images: int, spread: float, replicates: int
) -> list[np.ndarray]:
    """Cells of these true accuracies: seeds vary by ``spread``, and images are hard or easy for all of them."""
    difficulty = generator.standard_normal(n_images)
    own = generator.standard_normal((len(accuracies), replicates, n_images))
    limits = norm.ppf(accuracies[:, None] + spread * generator.standard_normal((len(accuracies), replicates)))
    return list(np.sqrt(0.7) * difficulty + np.sqrt(0.3) * own < limits[..., None])


@pytest.mark.parametrize(("spread", "replicates", "planted"), [(0.007, 5, 200), (0.015, 5, 0), (0.007, 3, 400)])
def test_the_interval_covers_the_planted_worth(spread: float, replicates: int, planted: int) -> None:
    truth, studies = np.concatenate([0.6 + 0.1 * np.log(N / 100), 0.6 + 0.1 * np.log((N + planted) / 100)]), 60
    covered = np.zeros(len(N))
    for study in range(studies):
        cells = simulated(np.random.default_rng(study), truth, 1000, spread, replicates)
        found = real_images_worth(N, cells[:5], cells[5:], resamples=200, seed=study)
        # An end beyond the curve says no more than that it is beyond.
        low = np.where(np.isposinf(found.ci_low), N[-1] - N, found.ci_low)
        covered += (low <= planted) & (planted <= found.ci_high)
    assert (covered / studies >= 0.93).all()

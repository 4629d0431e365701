from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from synthpath_kedro.data.regimes import regime_batches, steps_per_epoch
from synthpath_kedro.errors import InputError
from synthpath_kedro.study.regimes import REGIMES

regimes = st.sampled_from(list(REGIMES.values()))
sizes = st.integers(1, 400)
batch_sizes = st.integers(1, 70)
ratios = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)
seeds = st.integers(0, 2**64 - 1)


def exact_share(regime, ratio):
    return Fraction(round(ratio * 1000), 1000) if regime.synthetic_share is None else Fraction(regime.synthetic_share)


@given(regimes, sizes, sizes, batch_sizes, ratios, seeds, st.integers(0, 5))
def test_every_batch_holds_the_share_and_the_epochs_total_is_exact(
    regime, n_real, n_synthetic, batch_size, ratio, seed, epoch
):
    share = exact_share(regime, ratio)
    batches = regime_batches(regime, n_real, n_synthetic, batch_size, ratio, seed, epoch)
    for real, synthetic in batches:
        assert abs(len(synthetic) - share * (len(real) + len(synthetic))) < 1
    assert sum(len(synthetic) for _, synthetic in batches) == round(share * n_real)
    assert sum(len(real) + len(synthetic) for real, synthetic in batches) == n_real


@given(sizes, sizes, batch_sizes, ratios, seeds)
def test_steps_and_batch_sizes_are_the_same_in_every_regime(n_real, n_synthetic, batch_size, ratio, seed):
    sizes_by_regime = [
        [len(real) + len(synthetic) for real, synthetic in batches]
        for batches in (
            regime_batches(regime, n_real, n_synthetic, batch_size, ratio, seed, 0)
            for regime in (REGIMES["real"], REGIMES["synthetic"], REGIMES["mixed"])
        )
    ]
    assert sizes_by_regime[0] == sizes_by_regime[1] == sizes_by_regime[2]
    assert len(sizes_by_regime[0]) == steps_per_epoch(n_real, batch_size)
    assert max(sizes_by_regime[0]) <= batch_size
    assert max(sizes_by_regime[0]) - min(sizes_by_regime[0]) <= 1


@given(regimes, st.integers(1, 60), st.integers(1, 60), batch_sizes, ratios, seeds)
def test_each_source_walks_whole_permutations_that_continue_across_epochs(
    regime, n_real, n_synthetic, batch_size, ratio, seed
):
    epochs = [regime_batches(regime, n_real, n_synthetic, batch_size, ratio, seed, epoch) for epoch in range(4)]
    for source, n in enumerate((n_real, n_synthetic)):
        walk = np.concatenate([batch[source] for batches in epochs for batch in batches])
        for start in range(0, len(walk), n):
            turn = walk[start : start + n]
            assert len(set(turn)) == len(turn)
            assert set(turn) <= set(range(n))


@given(sizes, batch_sizes, seeds, st.integers(0, 5))
def test_an_epoch_of_real_images_is_every_image_once(n_real, batch_size, seed, epoch):
    batches = regime_batches(REGIMES["real"], n_real, 0, batch_size, 0.5, seed, epoch)
    assert sorted(np.concatenate([real for real, _ in batches])) == list(range(n_real))


@given(sizes, sizes, batch_sizes, ratios, seeds)
def test_the_walk_through_real_images_is_the_same_in_every_regime(n_real, n_synthetic, batch_size, ratio, seed):
    real, mixed = (
        np.concatenate([batch[0] for batch in regime_batches(regime, n_real, n_synthetic, batch_size, ratio, seed, 0)])
        for regime in (REGIMES["real"], REGIMES["mixed"])
    )
    assert mixed.tolist() == real[: len(mixed)].tolist()


def rows(batches):
    return [(real.tolist(), synthetic.tolist()) for real, synthetic in batches]


@given(seeds, seeds)
def test_batches_follow_from_the_seed(first, second):
    assume(first != second)
    batches = [rows(regime_batches(REGIMES["mixed"], 100, 50, 16, 0.5, seed, 2)) for seed in (first, first, second)]
    assert batches[0] == batches[1]
    assert batches[0] != batches[2]


def test_epochs_are_in_another_order():
    epochs = [rows(regime_batches(REGIMES["real"], 50, 0, 16, 0.5, 0, epoch)) for epoch in (0, 1)]
    assert epochs[0] != epochs[1]


def test_the_studys_epoch_has_704_steps_of_127_or_128_images_half_of_them_synthetic():
    batches = regime_batches(REGIMES["mixed"], 89_996, 180_000, 128, 0.5, 0, 0)
    assert steps_per_epoch(89_996, 128) == len(batches) == 704
    assert {len(real) + len(synthetic) for real, synthetic in batches} == {127, 128}
    assert sum(len(synthetic) for _, synthetic in batches) == 44_998
    assert {len(synthetic) for _, synthetic in batches} == {63, 64}


@pytest.mark.parametrize(("ratio", "synthetic"), [(0, 0), (0.25, 8), (0.5, 16), (0.75, 24), (1, 32)])
def test_the_ratio_of_the_mixed_regime_runs_from_real_to_synthetic(ratio, synthetic):
    batches = regime_batches(REGIMES["mixed"], 320, 500, 32, ratio, 0, 0)
    assert {len(part) for _, part in batches} == {synthetic}


def test_a_ratio_is_taken_as_it_is_written():
    assert REGIMES["mixed"].share(0.1) == Fraction(1, 10)


def test_synthetic_images_that_are_needed_and_missing_are_an_error():
    with pytest.raises(InputError, match="regime mixed needs synthetic images and there are none; run the synthesis"):
        regime_batches(REGIMES["mixed"], 10, 0, 4, 0.5, 0, 0)
    assert len(regime_batches(REGIMES["mixed"], 10, 0, 4, 0, 0, 0)) == 3

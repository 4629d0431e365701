import hashlib
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


DIGESTS = ["26fa60797dae17a7", "3e3d541d24e2d964", "edabdde6199a0790"]


def exact(ratio):
    return Fraction(round(ratio * 1000), 1000)


def exact_share(regime, ratio):
    return exact(ratio) if regime.synthetic_share is None else Fraction(regime.synthetic_share)


def batches_of(name, n_real, n_synthetic, batch_size, ratio=0.5, seed=0, epoch=0):
    """Of a regime by name; the real images are of three classes in turn."""
    return regime_batches(
        REGIMES[name], n_real, n_synthetic, batch_size, ratio, seed, epoch, real_labels=np.arange(n_real) % 3
    )


def real_stream(batches):
    return np.concatenate([real for real, _ in batches])


@given(regimes, sizes, sizes, batch_sizes, ratios, seeds, st.integers(0, 5))
def test_every_batch_holds_the_share_and_the_epochs_total_is_exact(
    regime, n_real, n_synthetic, batch_size, ratio, seed, epoch
):
    assume(ratio < 0.95 or not regime.extended)
    share = exact_share(regime, ratio)
    total = round(n_real / (1 - exact(ratio))) if regime.extended else n_real
    batches = batches_of(regime.name, n_real, n_synthetic, batch_size, ratio, seed, epoch)
    for real, synthetic in batches:
        assert abs(len(synthetic) - share * (len(real) + len(synthetic))) < 1
    assert sum(len(synthetic) for _, synthetic in batches) == round(share * total)
    assert sum(len(real) + len(synthetic) for real, synthetic in batches) == total


@given(sizes, sizes, batch_sizes, ratios, seeds)
def test_steps_and_batch_sizes_are_the_same_in_every_regime_but_the_extended(
    n_real, n_synthetic, batch_size, ratio, seed
):
    names = [name for name, regime in REGIMES.items() if not regime.extended]
    by_regime = [batches_of(name, n_real, n_synthetic, batch_size, ratio, seed) for name in names]
    sizes_by_regime = [[len(real) + len(synthetic) for real, synthetic in batches] for batches in by_regime]
    assert all(sizes == sizes_by_regime[0] for sizes in sizes_by_regime)
    assert len(sizes_by_regime[0]) == -(-n_real // batch_size)


@given(regimes, sizes, sizes, batch_sizes, ratios)
def test_no_batch_is_too_large_and_sizes_differ_by_at_most_one(regime, n_real, n_synthetic, batch_size, ratio):
    assume(ratio < 0.95 or not regime.extended)
    batches = batches_of(regime.name, n_real, n_synthetic, batch_size, ratio)
    found = [len(real) + len(synthetic) for real, synthetic in batches]
    assert len(found) == steps_per_epoch(regime, n_real, batch_size, ratio)
    assert max(found) <= batch_size
    assert max(found) - min(found) <= 1


@pytest.mark.parametrize(
    ("ratio", "steps", "synthetic"), [(0.5, 34, 540), (0.25, 23, 180), (0.75, 68, 1620), (0, 17, 0)]
)
def test_adding_shows_every_real_image_as_often_as_real_does_and_the_synthetic_ones_on_top(ratio, steps, synthetic):
    added, repeated = (batches_of(name, 540, 700, 32, ratio) for name in ("real_plus_synthetic", "real_repeated"))
    assert len(added) == len(repeated) == steps
    assert sum(len(part) for _, part in added) == synthetic
    assert sum(len(part) for part, _ in repeated) == 540 + synthetic
    assert [len(part) for _, part in repeated] == [0] * steps


@given(sizes, sizes, batch_sizes, ratios, seeds, st.integers(0, 3))
def test_adding_walks_the_real_images_as_real_does(n_real, n_synthetic, batch_size, ratio, seed, epoch):
    assume(ratio < 0.95)
    real, added = (
        real_stream(batches_of(name, n_real, n_synthetic, batch_size, ratio, seed, epoch))
        for name in ("real", "real_plus_synthetic")
    )
    assert added.tolist() == real.tolist()


def test_repeating_is_the_same_walk_for_longer():
    repeated = real_stream(batches_of("real_repeated", 50, 0, 8))
    real = [real_stream(batches_of("real", 50, 0, 8, epoch=epoch)) for epoch in (0, 1)]
    assert repeated.tolist() == np.concatenate(real).tolist()


@given(st.lists(st.integers(0, 4), min_size=1, max_size=80), batch_sizes, seeds)
def test_a_balanced_regime_draws_each_class_equally_often_and_walks_through_its_images(labels, batch_size, seed):
    labels = np.array(labels)
    epochs = [
        regime_batches(REGIMES["real_balanced"], len(labels), 0, batch_size, 0.5, seed, epoch, labels)
        for epoch in range(4)
    ]
    walk = np.concatenate([real_stream(batches) for batches in epochs])
    counts = [int((labels[walk] == label).sum()) for label in np.unique(labels)]
    assert max(counts) - min(counts) <= 1
    for label in np.unique(labels):
        own, drawn = np.flatnonzero(labels == label), walk[labels[walk] == label]
        for start in range(0, len(drawn), len(own)):
            turn = drawn[start : start + len(own)]
            assert len(set(turn)) == len(turn)
            assert set(turn) <= set(own)


def test_a_rare_class_comes_as_often_as_the_others():
    labels = np.array([0] * 90 + [1] * 9)
    batches = regime_batches(REGIMES["real_balanced"], 99, 0, 10, 0.5, 3, 1, labels)
    assert np.bincount(labels[real_stream(batches)]).tolist() == [49, 50]
    assert all(3 <= labels[real].sum() <= 7 for real, _ in batches)


@given(regimes, st.integers(1, 60), st.integers(1, 60), batch_sizes, ratios, seeds)
def test_each_source_walks_whole_permutations_that_continue_across_epochs(
    regime, n_real, n_synthetic, batch_size, ratio, seed
):
    assume(not regime.balanced)
    assume(ratio < 0.95 or not regime.extended)
    epochs = [batches_of(regime.name, n_real, n_synthetic, batch_size, ratio, seed, epoch) for epoch in range(4)]
    for source, n in enumerate((n_real, n_synthetic)):
        walk = np.concatenate([batch[source] for batches in epochs for batch in batches])
        for start in range(0, len(walk), n):
            turn = walk[start : start + n]
            assert len(set(turn)) == len(turn)
            assert set(turn) <= set(range(n))


@given(sizes, batch_sizes, seeds, st.integers(0, 5))
def test_an_epoch_of_real_images_is_every_image_once(n_real, batch_size, seed, epoch):
    batches = batches_of("real", n_real, 0, batch_size, 0.5, seed, epoch)
    assert sorted(real_stream(batches)) == list(range(n_real))


@given(sizes, sizes, batch_sizes, ratios, seeds)
def test_the_walk_through_real_images_is_the_same_in_every_regime(n_real, n_synthetic, batch_size, ratio, seed):
    real, mixed = (
        real_stream(batches_of(name, n_real, n_synthetic, batch_size, ratio, seed)) for name in ("real", "mixed")
    )
    assert mixed.tolist() == real[: len(mixed)].tolist()


def test_the_studys_regimes_keep_their_batches():
    """Of the release before regimes had a length: the bytes of a trained cell follow from them."""
    streams = [
        np.concatenate([np.concatenate(batch) for batch in batches_of(name, 100, 60, 16, 0.5, 7, 1)])
        for name in ("real", "synthetic", "mixed")
    ]
    assert [hashlib.sha256(stream.astype("<i8").tobytes()).hexdigest()[:16] for stream in streams] == DIGESTS


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
    assert steps_per_epoch(REGIMES["mixed"], 89_996, 128, 0.5) == len(batches) == 704
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

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from synthpath_kedro.data.stratified import stratified_split, stratified_subset
from synthpath_kedro.errors import InputError

label_lists = st.lists(st.integers(0, 5), min_size=1, max_size=120).map(np.array)
shares = st.floats(0.05, 0.4)
seeds = st.integers(0, 2**31 - 1)


@given(label_lists, st.integers(0, 130), seeds)
def test_subset_has_the_size_asked_for_and_no_image_twice(labels, n, seed):
    indices = stratified_subset(labels, n, seed)
    assert indices.dtype == np.int64
    assert len(indices) == min(n, len(labels))
    assert np.all(np.diff(indices) > 0)


@given(label_lists, st.integers(0, 130), seeds)
def test_subset_holds_every_class_where_there_is_room(labels, n, seed):
    classes = np.unique(labels)
    drawn = np.unique(labels[stratified_subset(labels, n, seed)])
    assert n < len(classes) or np.array_equal(drawn, classes)


@given(st.lists(st.integers(10, 60), min_size=2, max_size=6), st.floats(0.2, 0.9), seeds)
def test_subset_counts_differ_from_shares_by_less_than_one(sizes, share, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    n = int(share * len(labels))
    counts = np.bincount(labels[stratified_subset(labels, n, seed)], minlength=len(sizes))
    assert np.all(np.abs(counts - n * np.array(sizes) / len(labels)) < 1)


def test_subset_follows_the_largest_remainder():
    labels = np.repeat([0, 1, 2], [53, 27, 20])
    assert np.bincount(labels[stratified_subset(labels, 10, seed=0)]).tolist() == [5, 3, 2]


def test_subset_gives_a_rare_class_one_place():
    labels = np.repeat([0, 1], [1000, 1])
    assert np.bincount(labels[stratified_subset(labels, 10, seed=0)]).tolist() == [9, 1]


def test_subset_depends_on_the_seed_alone():
    labels = np.repeat([0, 1, 2], 50)
    assert np.array_equal(stratified_subset(labels, 30, 7), stratified_subset(labels, 30, 7))
    assert not np.array_equal(stratified_subset(labels, 30, 7), stratified_subset(labels, 30, 8))


def test_every_image_of_a_class_is_as_likely_to_be_drawn():
    labels = np.repeat([0, 1], [8, 4])
    drawn = np.concatenate([stratified_subset(labels, 6, seed) for seed in range(2000)])
    assert np.bincount(drawn) / 2000 == pytest.approx(np.full(12, 0.5), abs=0.05)


def test_subset_of_a_multi_label_set_keeps_each_combination():
    labels = np.repeat(np.array([[0, 0], [1, 0], [1, 1]], dtype=np.uint8), [40, 40, 20], axis=0)
    drawn = labels[stratified_subset(labels, 10, seed=0)]
    assert drawn.sum(axis=0).tolist() == [6, 2]


def test_a_negative_size_is_refused():
    with pytest.raises(ValueError, match="n is -1"):
        stratified_subset(np.zeros(3, dtype=np.int64), -1, 0)


def assert_partition(parts, n):
    assert all(np.all(np.diff(part) > 0) for part in parts)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(n))


@given(label_lists, shares, shares, seeds)
def test_split_is_a_partition_with_every_class_in_train(labels, val, test, seed):
    parts = stratified_split(labels, None, val, test, seed)
    assert_partition(parts, len(labels))
    assert np.array_equal(np.unique(labels[parts[0]]), np.unique(labels))


@given(label_lists, shares, shares, seeds)
def test_a_class_of_three_or_more_stands_in_every_split(labels, val, test, seed):
    large = np.flatnonzero(np.bincount(labels) >= 3)
    for part in stratified_split(labels, None, val, test, seed):
        assert np.isin(large, labels[part]).all()


@given(st.lists(st.integers(25, 80), min_size=2, max_size=6), shares, shares, seeds)
def test_split_counts_differ_from_shares_by_less_than_one(sizes, val, test, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    for part, share in zip(stratified_split(labels, None, val, test, seed), (1 - val - test, val, test), strict=True):
        assert np.all(np.abs(np.bincount(labels[part], minlength=len(sizes)) - share * np.array(sizes)) < 1)


def test_split_of_a_hundred_images_in_two_classes():
    labels = np.repeat([0, 1], [80, 20])
    counts = [np.bincount(labels[part]).tolist() for part in stratified_split(labels, None, 0.1, 0.2, seed=3)]
    assert counts == [[56, 14], [8, 2], [16, 4]]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 15)), min_size=20, max_size=150),
    shares,
    shares,
    seeds,
)
def test_groups_never_cross_splits(pairs, val, test, seed):
    labels, groups = np.array(pairs).T
    if len(np.unique(groups)) < 3:
        return
    parts = stratified_split(labels, groups, val, test, seed)
    assert_partition(parts, len(labels))
    for first in range(3):
        for second in range(first):
            assert not np.intersect1d(groups[parts[first]], groups[parts[second]]).size
    assert np.array_equal(np.unique(labels[parts[0]]), np.unique(labels))


@given(st.integers(3, 12), shares, shares, seeds)
def test_no_split_stays_empty_when_there_are_three_groups(n_groups, val, test, seed):
    groups = np.repeat(np.arange(n_groups), 10)
    labels = np.tile([0, 1], 5 * n_groups)
    assert all(len(part) for part in stratified_split(labels, groups, val, test, seed))


def test_groups_do_not_depend_on_their_names():
    generator = np.random.default_rng(0)
    labels, groups = generator.integers(0, 3, 200), generator.integers(0, 20, 200)
    plain = stratified_split(labels, groups, 0.1, 0.2, 5)
    renamed = stratified_split(labels, groups * 10 + 1000, 0.1, 0.2, 5)
    assert all(np.array_equal(a, b) for a, b in zip(plain, renamed, strict=True))


def test_the_seed_decides_which_groups_go_where():
    labels, groups = np.tile([0, 1], 100), np.repeat(np.arange(20), 10)
    tests = {tuple(np.unique(groups[stratified_split(labels, groups, 0.1, 0.2, seed)[2]])) for seed in range(5)}
    assert len(tests) > 1


def misfit(labels, part, share):
    target = share * np.bincount(labels)
    return (((np.bincount(labels[part], minlength=len(target)) - target) ** 2) / target).sum()


def test_grouped_split_is_closer_to_the_shares_than_scikit_learns():
    ours, theirs = [], []
    for seed in range(20):
        generator = np.random.default_rng(seed)
        sizes = generator.integers(2, 40, 30)
        groups = np.repeat(np.arange(30), sizes)
        main_class = generator.integers(0, 5, 30)
        labels = np.where(
            generator.random(len(groups)) < 0.7, main_class[groups], generator.integers(0, 5, len(groups))
        )
        ours.append(misfit(labels, stratified_split(labels, groups, 0.2, 0.2, seed)[2], 0.2))
        folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(labels, labels, groups)
        theirs.append(misfit(labels, next(iter(folds))[1], 0.2))
    assert np.mean(ours) < np.mean(theirs)


def test_fewer_groups_than_splits_are_refused():
    with pytest.raises(InputError, match=r"data_prep\.group finds 2 group\(s\), too few for 3 splits"):
        stratified_split(np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1]), 0.2, 0.2, 0)

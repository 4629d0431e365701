from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthpath_kedro.diffusion.allocation import allocate, interleaved_labels, largest_remainder
from synthpath_kedro.errors import InputError

NAMES = ("adipose", "debris", "mucus")
REAL = np.array([10, 30, 60])

weights = st.lists(st.integers(0, 10_000), min_size=1, max_size=12).filter(any)
counts = st.lists(st.integers(0, 60), min_size=1, max_size=8).filter(any)


@pytest.mark.parametrize(
    ("allocation", "n_images", "expected"),
    [
        ("balanced", 10, [4, 3, 3]),
        ("match_real", 50, [5, 15, 30]),
        ("inverse_frequency", 90, [60, 20, 10]),
    ],
)
def test_allocations_by_name(allocation, n_images, expected, synthesis_parameters):
    params = synthesis_parameters(allocation=allocation, n_images=n_images)
    assert allocate(params, NAMES, REAL).tolist() == expected


def test_explicit_counts_go_to_the_classes_they_name(synthesis_parameters):
    params = synthesis_parameters(allocation="explicit", counts={"mucus": 7, "adipose": 2}, n_images=1000)
    assert allocate(params, NAMES, REAL).tolist() == [2, 0, 7]


def test_an_unknown_class_in_the_counts_is_refused_with_the_known_ones(synthesis_parameters):
    params = synthesis_parameters(allocation="explicit", counts={"muscus": 7})
    with pytest.raises(InputError, match=r"synthesis.counts names muscus, .* use adipose, debris, mucus"):
        allocate(params, NAMES, REAL)


def test_counts_of_nothing_are_refused(synthesis_parameters):
    params = synthesis_parameters(allocation="explicit", counts={"mucus": 0})
    with pytest.raises(InputError, match="asks for no image"):
        allocate(params, NAMES, REAL)


def test_a_class_without_real_images_gets_none_by_inverse_frequency(synthesis_parameters):
    params = synthesis_parameters(allocation="inverse_frequency", n_images=30)
    assert allocate(params, NAMES, np.array([0, 10, 20])).tolist() == [0, 20, 10]


@given(weights, st.integers(1, 10**6))
def test_largest_remainder_sums_exactly_and_stays_within_one_of_the_quota(weights, total):
    result = largest_remainder([Fraction(w) for w in weights], total)
    assert result.sum() == total
    for weight, count in zip(weights, result.tolist(), strict=True):
        assert abs(Fraction(weight * total, sum(weights)) - count) < 1


@given(counts)
def test_interleaved_labels_hold_each_class_as_often_as_asked(counts):
    assert np.bincount(interleaved_labels(np.array(counts)), minlength=len(counts)).tolist() == counts


@given(counts, st.data())
def test_any_stretch_from_the_start_holds_the_classes_in_proportion(counts, data):
    labels = interleaved_labels(np.array(counts))
    n = data.draw(st.integers(0, len(labels)))
    seen = np.bincount(labels[:n], minlength=len(counts))
    assert np.abs(seen - n * np.array(counts) / len(labels)).max() <= len(counts)


def test_a_longer_balanced_set_begins_like_a_shorter_one():
    assert interleaved_labels(np.array([5, 5, 5]))[:6].tolist() == interleaved_labels(np.array([2, 2, 2])).tolist()

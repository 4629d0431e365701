import numpy as np
import pytest

from synthpath_kedro.data.groups import encode_groups
from synthpath_kedro.errors import InputError


def test_codes_mean_the_same_group_in_every_split():
    codes = encode_groups({"train": ["b", "a", "b"], "test": ["c"]}, "x.npz")
    assert {split: values.tolist() for split, values in codes.items()} == {"train": [1, 0, 1], "test": [2]}
    assert codes["test"].dtype == np.int64


def test_numbers_serve_as_groups():
    assert encode_groups({"train": np.array([[7], [9]])}, "x.npz")["train"].tolist() == [0, 1]


def test_a_group_in_two_splits_is_named():
    with pytest.raises(InputError, match=r"x\.npz: 1 group\(s\) .* both train and test \(P2\)"):
        encode_groups({"train": ["P1", "P2"], "val": ["P3"], "test": ["P2"]}, "x.npz")

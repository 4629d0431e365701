import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthpath_kedro.data.sharded import ShardedImages

part_sizes = st.lists(st.integers(0, 5), min_size=1, max_size=5)


def parts_of(sizes: list[int]) -> list[np.ndarray]:
    """Parts whose every pixel is different."""
    pixels = np.arange(sum(sizes) * 12, dtype=np.uint8).reshape(-1, 2, 2, 3)
    return np.split(pixels, np.cumsum(sizes)[:-1])


@given(part_sizes, st.data())
def test_rows_are_those_of_the_parts_put_together(sizes: list[int], data: st.DataObject) -> None:
    parts = parts_of(sizes)
    images, whole = ShardedImages(parts), np.concatenate(parts)
    n = len(whole)
    numbers = st.integers(-n, n - 1)
    choices = [st.slices(n), st.lists(st.booleans(), min_size=n, max_size=n).map(lambda mask: np.array(mask, bool))]
    if n:
        choices += [
            numbers,
            numbers.map(np.int64),
            st.lists(numbers),
            st.lists(numbers).map(lambda r: np.array(r, int)),
        ]
    rows = data.draw(st.one_of(choices))
    expected = whole[np.array(rows, np.int64)] if isinstance(rows, list) else whole[rows]
    np.testing.assert_array_equal(images[rows], expected)
    assert images[rows].dtype == np.uint8


@given(part_sizes)
def test_length_shape_array_and_iteration_are_those_of_the_parts_put_together(sizes: list[int]) -> None:
    parts = parts_of(sizes)
    images, whole = ShardedImages(parts), np.concatenate(parts)
    assert len(images) == len(whole)
    assert images.shape == whole.shape
    np.testing.assert_array_equal(np.asarray(images), whole)
    assert [image.tolist() for image in images] == whole.tolist()


def test_rows_that_were_taken_are_a_copy() -> None:
    parts = parts_of([2, 2])
    ShardedImages(parts)[:3][:] = 0
    assert parts[0].any()


@pytest.mark.parametrize("rows", [5, -6, [0, 5], np.array([-6]), np.array([0.5]), np.zeros((2, 2), int)])
def test_rows_that_there_are_not_are_refused(rows: object) -> None:
    with pytest.raises(IndexError, match="rows"):
        ShardedImages(parts_of([2, 3]))[rows]


@pytest.mark.parametrize("n", [4, 6])
def test_a_mask_has_one_entry_per_image(n: int) -> None:
    with pytest.raises(IndexError, match=f"{n} booleans for 5 images"):
        ShardedImages(parts_of([2, 3]))[np.ones(n, bool)]

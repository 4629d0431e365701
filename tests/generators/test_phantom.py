from collections.abc import Callable

import numpy as np
import pytest

from synthpath_kedro.data.duplicates import hash_images
from synthpath_kedro.data.phantom.tissues import TISSUES
from synthpath_kedro.data.sources.phantom import render_phantom
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import PhantomParameters


@pytest.fixture
def phantom() -> Splits:
    params = PhantomParameters(n_train=18, n_val=18, n_test=18, stain_shift=0.0)
    return render_phantom(params, 16, 0).map(lambda images: images.with_card(phantom=True, prepared="p"))


def test_the_oracle_is_phantom_tiles_that_no_split_has(made: Callable, phantom: Splits) -> None:
    oracle = made(source="phantom", n_images=18, real=phantom)
    assert oracle.name == "oracle"
    assert oracle.card.phantom
    assert oracle.card.counts == dict.fromkeys(TISSUES, 2)
    assert oracle.images.shape == (18, 16, 16, 3)
    tiles = hash_images(oracle.images)
    assert len(tiles) == 18
    for _, images in phantom:
        assert tiles.keys().isdisjoint(hash_images(images.images))


def test_the_oracle_is_the_same_again_and_has_every_class_once_in_nine_tiles(made: Callable, phantom: Splits) -> None:
    first = made(source="phantom", n_images=9, real=phantom)
    assert made(source="phantom", n_images=9, real=phantom).digest == first.digest
    np.testing.assert_array_equal(np.sort(first.labels), np.arange(9))


def test_the_oracle_is_refused_for_real_images(made: Callable) -> None:
    with pytest.raises(InputError, match=r"oracle has source phantom, .* nobody can render tiles; use image_folder or"):
        made(source="phantom")

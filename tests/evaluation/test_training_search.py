import numpy as np
import pytest

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.evaluation.training_search import (
    HELD_OUT,
    SYNTHETIC,
    Found,
    Searched,
    closest_synthetic,
    count_suspects,
    read_found,
    search_training_images,
    suspects_of,
    to_tensors,
)
from synthpath_kedro.parameters import PrivacyParameters

PARAMS = PrivacyParameters(pixel_images=40, planted_copies=5, loss_images=10, loss_levels=1, pairs=3)


def searched(images, features=None, index=None):
    """Whose features are the gray levels of a coarse grid, which copies share."""
    index = np.arange(len(images)) if index is None else index
    if features is None:
        features = images[index].reshape(len(index), 4, 4, 4, 4, 3).mean((2, 4)).reshape(len(index), -1)
    labels = np.arange(len(images)) % 2
    artifact = Artifact({"features": features.astype(np.float32), "index": index, "labels": labels[index]})
    return Searched(LabeledImages(images, labels, ("a", "b")), artifact)


@pytest.fixture
def sets():
    rng = np.random.default_rng(0)
    train, held_out, synthetic = (rng.integers(0, 256, (n, 16, 16, 3), dtype=np.uint8) for n in (60, 30, 30))
    synthetic[7] = np.rot90(train[5])
    synthetic[9] = 200
    return synthetic, held_out, train


@pytest.fixture
def found(sets):
    return search_training_images(*map(searched, sets), PARAMS, seed=0)


def test_a_turned_copy_is_a_suspect_in_pixels_and_stands_first(found):
    assert suspects_of(found).tolist() == [7]
    pairs = closest_synthetic(found["pixels"][SYNTHETIC], 3)
    assert (pairs.synthetic[0], pairs.train[0]) == (7, 5)
    assert pairs.relative[0] < 0.01 < pairs.relative[1]
    assert len(set(pairs.train.tolist())) == 3


def test_an_image_of_one_color_is_compared_with_nothing(found):
    whole = found["pixels"][SYNTHETIC]
    assert np.isnan(whole.relative[whole.index == 9]).all()
    assert 9 not in closest_synthetic(whole, 100).synthetic


def test_an_image_is_examined_where_any_space_examines_it_and_suspected_where_any_finds_it():
    def of(index, suspects):
        index, n = np.array(index), len(index)
        relative = np.where(np.isin(index, suspects), 0.1, 1.0)
        return Found(index, np.zeros(n, int), relative, np.full(n, 0.5), np.zeros(n, int), np.ones(n, bool))

    found = {
        "pixels": {SYNTHETIC: of([0, 1, 2], [1]), HELD_OUT: of([0, 1], [])},
        "features": {SYNTHETIC: of([1, 2, 3, 4], [1, 4]), HELD_OUT: of([0, 1, 2, 3], [3])},
    }
    count = count_suspects(found)
    assert (count.examined, count.suspects, count.held_out_share) == (5, 2, 0.25)
    assert suspects_of(found).tolist() == [1, 4]


def test_places_are_those_of_the_whole_sets_where_only_a_part_has_features(sets):
    synthetic, held_out, train = sets
    part = np.array([7, 12, 20])
    trained = np.arange(1, 60, 2)
    found = search_training_images(
        searched(synthetic, index=part), searched(held_out), searched(train, index=trained), PARAMS, seed=0
    )["features"][SYNTHETIC]
    assert found.index.tolist() == [7, 12, 20]
    assert np.isin(found.nearest, trained).all()
    assert found.nearest[0] == 5
    assert found.relative[0] < 0.01


def test_what_was_found_survives_storage(found):
    read = read_found(Artifact(to_tensors(found)))
    for space, of_sets in found.items():
        for name, one in of_sets.items():
            assert np.array_equal(read[space][name].relative, one.relative, equal_nan=True)
            assert np.array_equal(read[space][name].suspects, one.suspects)

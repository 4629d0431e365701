import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthpath_kedro.data.class_fractions import subsample_classes
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.errors import InputError

CLASS_NAMES = ("adipose", "mucus", "stroma")


def tiles(n=90):
    """Each image is filled with its own number, so that it can be recognized."""
    pixels = np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, 2, 2, 3))
    return LabeledImages(pixels, np.arange(n) % 3, CLASS_NAMES, np.arange(n) // 2, {"source": "test"})


def numbers(images):
    return images.images[:, 0, 0, 0].tolist()


def test_a_class_keeps_its_share_and_the_others_keep_all():
    subsampled = subsample_classes(tiles(), {"mucus": 0.1, "stroma": 0.5}, seed=0)
    assert subsampled.class_counts.tolist() == [30, 3, 15]
    assert subsampled.card["subsampled"] == {"mucus": 0.1, "stroma": 0.5}


def test_images_labels_and_groups_stay_together_and_in_order():
    subsampled = subsample_classes(tiles(), {"mucus": 0.3}, seed=1)
    kept = numbers(subsampled)
    assert kept == sorted(kept)
    assert [number % 3 for number in kept] == subsampled.labels.tolist()
    assert [number // 2 for number in kept] == subsampled.groups.tolist()


@given(st.floats(0.01, 1), st.floats(0.01, 1), st.integers(0, 2**31 - 1))
def test_a_larger_share_keeps_all_that_a_smaller_one_keeps(first, second, seed):
    small, large = (subsample_classes(tiles(), {"mucus": share}, seed) for share in sorted((first, second)))
    assert set(numbers(small)) <= set(numbers(large))


def test_which_images_of_a_class_stay_does_not_depend_on_the_other_classes():
    alone = subsample_classes(tiles(), {"mucus": 0.2}, seed=3)
    together = subsample_classes(tiles(), {"adipose": 0.5, "mucus": 0.2}, seed=3)
    assert alone.images[alone.labels == 1].tolist() == together.images[together.labels == 1].tolist()


def test_another_seed_keeps_other_images():
    assert numbers(subsample_classes(tiles(), {"mucus": 0.2}, 0)) != numbers(
        subsample_classes(tiles(), {"mucus": 0.2}, 1)
    )


def test_one_image_of_a_class_always_stays():
    assert subsample_classes(tiles(), {"stroma": 0.001}, seed=0).class_counts.tolist() == [30, 30, 1]


def test_thinning_nothing_gives_the_same_images():
    images = tiles()
    assert subsample_classes(images, {}, seed=0) is images


def test_thinned_images_have_a_digest_of_their_own():
    images = tiles().with_card(digest="0a1b")
    assert subsample_classes(images, {"mucus": 0.5}, seed=0).digest != "0a1b"


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        ({"bone": 0.5}, "cannot subsample class 'bone'; valid classes: adipose, mucus, stroma"),
        ({"mucus": 0}, "cannot keep a share of 0 of class 'mucus'; valid: above 0, up to 1"),
        ({"mucus": 1.5}, "cannot keep a share of 1.5 of class 'mucus'; valid: above 0, up to 1"),
    ],
)
def test_what_cannot_be_thinned_is_said_in_one_line(kept, message):
    with pytest.raises(InputError) as error:
        subsample_classes(tiles(), kept, seed=0)
    assert str(error.value) == message


def test_several_labels_an_image_are_refused():
    chest = LabeledImages(np.zeros((2, 2, 2, 3), np.uint8), np.ones((2, 3), np.uint8), CLASS_NAMES)
    with pytest.raises(InputError, match="several labels per image"):
        subsample_classes(chest, {"mucus": 0.5}, seed=0)

from dataclasses import replace

import numpy as np
import pytest

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.data.validation import validate_splits
from synthpath_kedro.errors import InputError


def labeled(labels, seed, groups=None):
    images = np.random.default_rng(seed).integers(0, 256, (len(labels), 8, 8, 3), dtype=np.uint8)
    names = ("fat", "gland", "glass")
    return LabeledImages(
        images, np.array(labels, dtype=np.int64), names, groups, {"source": "npz", "name": "mine", "file": "mine.npz"}
    )


def example():
    return Splits(labeled([0, 1, 2, 0], 1), labeled([0, 1], 2), labeled([0, 2, 1], 3))


def change(splits, split, **fields):
    return replace(splits, **{split: replace(getattr(splits, split), **fields)})


def test_a_sound_data_set_passes_unchanged():
    splits = example()
    assert validate_splits(splits) is splits


@pytest.mark.parametrize(
    ("split", "fields", "message"),
    [
        ("train", {"images": np.zeros((4, 8, 8, 3), np.float32)}, "train images are float32; they must be uint8"),
        ("train", {"images": np.zeros((4, 8, 8), np.uint8)}, r"shape \[4, 8, 8\]; they must be square RGB"),
        ("train", {"images": np.zeros((4, 8, 9, 3), np.uint8)}, "must be square RGB"),
        ("test", {"images": np.zeros((3, 8, 8, 4), np.uint8)}, "must be square RGB"),
        ("val", {"images": np.zeros((0, 8, 8, 3), np.uint8), "labels": np.zeros(0, np.int64)}, "val split is empty"),
        ("test", {"images": np.zeros((3, 9, 9, 3), np.uint8)}, "image sizes differ between splits"),
        ("train", {"labels": np.array([0, 1, 2])}, "3 for 4 images"),
        ("train", {"labels": np.array([0.0, 1, 2, 0])}, "train labels are float64"),
        ("train", {"labels": np.array([0, 1, 2, 3])}, r"hold 3; they must lie in 0 to 2 \(3 classes\)"),
        ("val", {"labels": np.array([0, -1])}, "hold -1"),
        ("val", {"labels": np.array([1, 1])}, r"val split holds one class only \(gland\)"),
        ("train", {"labels": np.array([0, 1, 1, 0])}, "no image of glass in the train split"),
        ("val", {"class_names": ("a", "b", "c")}, "class names differ"),
        ("val", {"labels": np.eye(2, 3, dtype=np.uint8)}, "one label per image, others several"),
        ("val", {"labels": np.full((2, 3), 2, dtype=np.uint8)}, r"hold 2; they must lie in 0 to 1 \(multi-label\)"),
        ("val", {"labels": np.eye(2, dtype=np.uint8)}, "2 columns for 3 classes"),
        ("val", {"groups": np.array([1])}, "1 groups for 2 images"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_that_names_file_and_split(split, fields, message):
    with pytest.raises(InputError, match=message) as error:
        validate_splits(change(example(), split, **fields))
    assert "\n" not in str(error.value)
    assert "mine.npz" in str(error.value)


def test_val_and_test_may_lack_a_class():
    validate_splits(change(example(), "test", labels=np.array([0, 1, 0])))


def test_groups_must_not_cross_splits():
    splits = Splits(
        labeled([0, 1, 2], 1, np.array([0, 1, 2])),
        labeled([0, 1], 2, np.array([2, 3])),
        labeled([0, 1], 3, np.array([4, 4])),
    )
    with pytest.raises(InputError, match=r"stand in both train and val \(2\)"):
        validate_splits(splits)


def with_shared_images():
    """Train images 1 and 3 stand in val and test; val image 0 stands in test."""
    splits = Splits(labeled([0, 1, 2, 0, 1], 1), labeled([0, 1, 2], 2), labeled([0, 2, 1], 3))
    train, val = splits.train.images.copy(), splits.val.images.copy()
    train[1], train[3], val[0] = val[2], splits.test.images[1], splits.test.images[2]
    return change(change(splits, "train", images=train), "val", images=val)


def test_images_shared_between_splits_are_refused():
    with pytest.raises(
        InputError, match=r"2 train image\(s\) stand also in val or test and 1 val .*duplicates_across_splits"
    ):
        validate_splits(with_shared_images())


def test_shared_images_can_be_dropped_from_the_earlier_split():
    before = with_shared_images()
    after = validate_splits(before, "drop")
    assert np.array_equal(after.train.images, before.train.images[[0, 2, 4]])
    assert after.train.labels.tolist() == [0, 2, 1]
    assert np.array_equal(after.val.images, before.val.images[1:])
    assert np.array_equal(after.test.images, before.test.images)
    assert after.card().duplicates_across_splits == {"treatment": "drop", "train": 2, "val": 1}


def test_shared_images_can_be_kept_and_are_counted():
    splits = validate_splits(with_shared_images(), "keep")
    assert [len(images) for _, images in splits] == [5, 3, 3]
    assert splits.card().duplicates_across_splits == {"treatment": "keep", "train": 2, "val": 1}


def test_dropping_a_class_entirely_is_noticed():
    splits = example()
    images = splits.train.images.copy()
    images[2] = splits.test.images[0]
    with pytest.raises(InputError, match="no image of glass in the train split"):
        validate_splits(change(splits, "train", images=images), "drop")


def test_bare_glass_in_two_splits_is_not_a_shared_image():
    splits = example()
    for name, images in splits:
        white = images.images.copy()
        white[0] = 255
        splits = change(splits, name, images=white)
    validate_splits(splits)

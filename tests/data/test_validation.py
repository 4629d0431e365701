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
    train[1], train[3], val[0] = val[1], splits.test.images[0], splits.test.images[0]
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
    images[2] = splits.test.images[1]
    with pytest.raises(InputError, match="no image of glass in the train split"):
        validate_splits(change(splits, "train", images=images), "drop")


def test_bare_glass_in_two_splits_is_not_a_shared_image():
    splits = example()
    for name, images in splits:
        white = images.images.copy()
        white[0] = 255
        splits = change(splits, name, images=white)
    validate_splits(splits)


def with_conflicts():
    """Train images 0 (fat) and 1 (gland) are one; train image 2 (glass) stands in test as gland."""
    splits = example()
    train, test = splits.train.images.copy(), splits.test.images.copy()
    train[1] = train[0]
    test[2] = train[2]
    splits = change(change(splits, "train", images=train), "test", images=test)
    train = np.concatenate([train, labeled([0] * 3, 7).images])
    return change(splits, "train", images=train, labels=np.array([0, 1, 2, 0, 1, 2, 0]))


def test_the_same_image_under_two_labels_is_refused_and_named_within_a_split_too():
    with pytest.raises(InputError, match=r"2 image\(s\) stand under more than one label") as error:
        validate_splits(with_conflicts(), "keep")
    named = "(train image 0 (fat) = train image 1 (gland); train image 2 (glass) = test image 2 (gland))"
    assert named in str(error.value)
    assert "set data_prep.conflicting_labels to drop" in str(error.value)


def test_files_are_named_where_there_are_any():
    splits = with_conflicts()
    files = tuple(f"train/{k}.png" for k in range(7))
    splits = change(change(splits, "train", files=files), "test", files=("a.png", "b.png", "c.png"))
    with pytest.raises(InputError, match=r"\(train/0.png = train/1.png; train/2.png = c.png\)"):
        validate_splits(splits)


def test_of_images_with_two_labels_every_copy_can_be_dropped():
    before = with_conflicts()
    after = validate_splits(before, conflicting_labels="drop")
    assert np.array_equal(after.train.images, before.train.images[3:])
    assert after.test.labels.tolist() == [0, 2]
    assert after.card().conflicting_labels == {"treatment": "drop", "train": 3, "val": 0, "test": 1}


def test_images_with_two_labels_can_be_kept_and_are_counted():
    after = validate_splits(with_conflicts(), "keep", "keep")
    assert [len(images) for _, images in after] == [7, 2, 3]
    assert after.card().conflicting_labels == {"treatment": "keep", "train": 3, "val": 0, "test": 1}


def test_the_same_image_twice_under_one_label_is_no_conflict():
    splits = example()
    images = splits.train.images.copy()
    images[3] = images[0]
    assert validate_splits(change(splits, "train", images=images)).card().conflicting_labels == {}


def test_the_same_image_with_other_findings_is_a_conflict():
    labels = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0]], np.uint8)
    splits = example().map(lambda images: replace(images, images=images.images[:2], labels=labels[:2]))
    train = labeled([0, 0, 0], 5)
    train.images[2] = train.images[1]
    splits = change(splits, "train", images=train.images, labels=np.array([[1, 0, 1], [1, 1, 0], [0, 0, 0]], np.uint8))
    with pytest.raises(InputError, match=r"train image 1 \(fat, gland\) = train image 2 \(no finding\)"):
        validate_splits(splits)


def test_the_card_says_in_a_line_per_split_what_was_understood():
    card = example().map(lambda images: images.with_card(phantom=False, left_out={".dcm": 2})).card()
    assert card.summary() == [
        "train: 4 images, fat 2, gland 1, glass 1",
        "val: 2 images, fat 1, gland 1, glass 0",
        "test: 3 images, fat 1, gland 1, glass 1",
        "left out: 2 .dcm",
    ]

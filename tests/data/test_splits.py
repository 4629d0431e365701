import json
from dataclasses import replace

import numpy as np

from synthpath_kedro.data.data_card import DataCard, SplitFacts
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.splits import Splits


def labeled(labels, groups=None):
    images = np.random.default_rng(len(labels)).integers(0, 256, (len(labels), 8, 8, 3), dtype=np.uint8)
    return LabeledImages(images, np.array(labels), ("fat", "gland"), groups, {"source": "npz", "name": "mine"})


def example():
    return Splits(labeled([0, 0, 1]), labeled([0, 1]), labeled([1, 0, 1, 1]))


def test_the_card_tells_source_counts_and_digests():
    splits = example()
    card = splits.card()
    assert DataCard.from_json(json.loads(json.dumps(card.to_json()))) == card
    assert (card.source, card.name, card.image_size, card.groups_known) == ("npz", "mine", 8, False)
    assert card.class_names == ["fat", "gland"]
    assert card.splits["train"].counts == {"fat": 2, "gland": 1}
    assert card.splits["test"] == SplitFacts(n=4, counts={"fat": 1, "gland": 3}, digest=splits.test.digest)


def test_iteration_gives_the_three_sets_by_name():
    splits = example()
    assert list(splits) == [("train", splits.train), ("val", splits.val), ("test", splits.test)]


def test_groups_are_known_when_the_training_set_has_them():
    assert Splits(*(labeled([0, 1], np.array([3, 4])) for _ in range(3))).card().groups_known


def test_the_digest_changes_with_any_split_and_with_the_class_names():
    splits = example()
    renamed = splits.map(lambda images: replace(images, class_names=("fat", "tumor")))
    swapped = Splits(splits.train, splits.test, splits.val)
    assert len({splits.digest, renamed.digest, swapped.digest}) == 3
    assert example().digest == splits.digest


def test_a_fact_on_which_the_sets_differ_is_stated_for_each_set():
    shifts = iter((0.0, 0.0, 0.5))
    card = example().map(lambda images: images.with_card(stain_shift=next(shifts))).card()
    assert "stain_shift" not in card.facts
    assert [split.facts for split in card.splits.values()] == [{"stain_shift": shift} for shift in (0.0, 0.0, 0.5)]
    alike = example().map(lambda images: images.with_card(stain_shift=0.0)).card()
    assert alike.facts["stain_shift"] == 0.0
    assert not any(split.facts for split in alike.splits.values())


def test_a_fact_of_the_training_set_alone_belongs_to_the_data():
    splits = example()
    subsampled = Splits(splits.train.with_card(subsampled={"fat": 0.5}), splits.val, splits.test)
    assert subsampled.card().subsampled == {"fat": 0.5}

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from synthpath_kedro.data.artifact import Artifact, digest_arrays, read_artifact, write_artifact
from synthpath_kedro.data.synthetic import (
    GeneratorCard,
    ShardFacts,
    SyntheticSet,
    assemble,
    content_digest,
    from_arrays,
    join,
)
from synthpath_kedro.errors import InputError

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 4, 4, 3), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2, 0])
CLASS_NAMES = ("adipose", "mucus", "stroma")
HALVES = (slice(0, 3), slice(3, 7))


@pytest.fixture
def synthetic() -> SyntheticSet:
    return from_arrays(IMAGES, LABELS, CLASS_NAMES, 3, name="gan", source="npz", prepared="p", phantom=True)


def test_a_set_of_arrays_holds_them_in_shards_and_in_order(synthetic: SyntheticSet) -> None:
    assert [len(shard.tensors["labels"]) for shard in synthetic.shards.values()] == [3, 3, 1]
    np.testing.assert_array_equal(synthetic.images[:], IMAGES)
    np.testing.assert_array_equal(synthetic.labels, LABELS)
    assert len(synthetic) == 7
    assert synthetic.class_names == CLASS_NAMES


def test_the_card_says_what_the_set_is(synthetic: SyntheticSet) -> None:
    card = synthetic.card
    assert (card.name, card.source, card.prepared, card.phantom) == ("gan", "npz", "p", True)
    assert card.counts == {"adipose": 3, "mucus": 2, "stroma": 2}
    assert (card.total, card.image_size) == (7, 4)
    last = digest_arrays({"images": IMAGES[6:], "labels": LABELS[6:]})
    assert card.shards["shard_00002.safetensors"] == ShardFacts(digest=last, n=1)
    assert card.digest == hashlib.sha256(json.dumps(card.to_json()["shards"], sort_keys=True).encode()).hexdigest()


def test_the_card_comes_back_from_json(synthetic: SyntheticSet) -> None:
    assert GeneratorCard.from_json(json.loads(json.dumps(synthetic.card.to_json()))) == synthetic.card


@pytest.mark.parametrize(
    "change",
    [
        lambda card: {name: value for name, value in card.items() if name != "digest"},
        lambda card: card | {"of_a_later_version": 1},
        lambda card: card | {"shards": None},
        lambda card: card | {"shards": {"shard_00000.safetensors": {"n": 3}}},
        lambda card: [],
    ],
)
def test_a_card_that_is_not_one_is_named_with_the_way_out(synthetic: SyntheticSet, change) -> None:
    with pytest.raises(InputError, match=r"manifest\.json is damaged .* kedro run --pipelines=synthesis"):
        GeneratorCard.from_json(change(synthetic.card.to_json()))


def test_labels_decide_the_digest_and_the_name_does_not(synthetic: SyntheticSet) -> None:
    def digest(labels: np.ndarray, name: str) -> str:
        return from_arrays(IMAGES, labels, CLASS_NAMES, 3, name=name, source="npz").digest

    assert digest(LABELS, "other") == synthetic.digest
    assert digest(LABELS[::-1].copy(), "gan") != synthetic.digest


def test_classes_without_images_are_counted_as_none() -> None:
    synthetic = from_arrays(IMAGES[:1], LABELS[:1], CLASS_NAMES, 3, name="gan", source="npz")
    assert synthetic.card.counts == {"adipose": 1, "mucus": 0, "stroma": 0}


def test_labeled_images_carry_the_set_the_data_and_the_digest(synthetic: SyntheticSet) -> None:
    card = synthetic.labeled().card
    assert card["set"] == "gan"
    assert card["prepared"] == "p"
    assert card["synthetic"] == card["digest"] == synthetic.digest
    assert "checkpoint" not in card


def test_some_images_are_read_without_the_others(synthetic: SyntheticSet) -> None:
    rows = np.array([6, 0, 3])
    some = synthetic.labeled(rows)
    np.testing.assert_array_equal(some.images, IMAGES[rows])
    np.testing.assert_array_equal(some.labels, LABELS[rows])
    assert some.card["synthetic"] == synthetic.digest
    assert some.digest == digest_arrays({"images": IMAGES[rows], "labels": LABELS[rows]})


def test_shards_are_in_the_order_of_their_names_whoever_gives_them(synthetic: SyntheticSet) -> None:
    turned = dict(reversed(synthetic.shards.items()))
    again = assemble(turned, CLASS_NAMES, name="gan", source="npz", prepared="p", phantom=True)
    assert again.card == synthetic.card
    np.testing.assert_array_equal(again.images[:], IMAGES)


def test_a_set_from_files_is_its_memory_mapped_shards(synthetic: SyntheticSet, tmp_path: Path) -> None:
    for name, shard in synthetic.shards.items():
        write_artifact(tmp_path / name, shard)
    read = SyntheticSet({name: read_artifact(tmp_path / name) for name in synthetic.shards}, synthetic.card)
    read.check()
    assert isinstance(read.shards["shard_00000.safetensors"].tensors["images"], np.memmap)
    np.testing.assert_array_equal(read.images[4], IMAGES[4])


@pytest.mark.parametrize("change", ["missing", "surplus", "other"])
def test_shards_that_the_card_does_not_list_are_named(synthetic: SyntheticSet, change: str) -> None:
    shards = dict(synthetic.shards)
    other = Artifact({"images": IMAGES[:1], "labels": LABELS[:1]})
    if change == "missing":
        del shards["shard_00001.safetensors"]
    shards |= {"surplus": {"shard_00009.safetensors": other}, "other": {"shard_00001.safetensors": other}}.get(
        change, {}
    )
    name = "shard_00009" if change == "surplus" else "shard_00001"
    with pytest.raises(InputError, match=rf"do not belong together \({name}\.safetensors\); run kedro run"):
        SyntheticSet(shards, synthetic.card).check()


def test_a_file_that_was_replaced_by_another_of_its_size_is_read_again(synthetic: SyntheticSet, tmp_path: Path) -> None:
    path = tmp_path / "shard.safetensors"
    digests = []
    for shard in list(synthetic.shards.values())[:2]:
        write_artifact(path, shard)
        digests.append(content_digest(read_artifact(path)))
    assert digests == [shard.digest for shard in list(synthetic.shards.values())[:2]]


def test_a_set_that_several_generators_made_is_one_with_parts() -> None:
    parts = [from_arrays(IMAGES[rows], LABELS[rows], CLASS_NAMES, 2, name="gan", source="npz") for rows in HALVES]
    whole = join(parts, name="gan", source="npz", prepared="p")
    assert (whole.card.replicates, len(whole), whole.card.counts["adipose"]) == (2, 7, 3)
    assert list(whole.shards)[1:3] == ["replicate_0/shard_00001.safetensors", "replicate_1/shard_00000.safetensors"]
    np.testing.assert_array_equal(whole.images[:], IMAGES)
    np.testing.assert_array_equal(whole.labels, LABELS)
    assert whole.made_by.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert whole.digest != join(parts[::-1], name="gan", source="npz").digest
    whole.check()


def test_one_generator_made_every_image_of_a_set_without_parts(synthetic: SyntheticSet) -> None:
    assert synthetic.card.replicates == 1
    assert synthetic.made_by.tolist() == [0] * 7


def test_images_of_more_than_ten_generators_are_told_apart() -> None:
    parts = [from_arrays(IMAGES[:1] * 0 + k, LABELS[:1], CLASS_NAMES, 2, name="gan", source="npz") for k in range(12)]
    whole = join(parts, name="gan", source="npz")
    assert sorted(whole.made_by) == list(range(12))
    np.testing.assert_array_equal(whole.images[:][:, 0, 0, 0], whole.made_by)

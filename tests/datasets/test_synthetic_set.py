import json
import os
from pathlib import Path

import numpy as np
import pytest
from kedro.io import DatasetError

from synthpath_kedro.data.artifact import Artifact, write_artifact
from synthpath_kedro.data.synthetic import SyntheticSet, assemble, from_arrays, join
from synthpath_kedro.datasets import SyntheticSetDataset, synthetic_set

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 4, 4, 3), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2, 0])
NAMES = ("adipose", "mucus", "stroma")
SHARDS = [f"shard_0000{number}.safetensors" for number in range(3)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "synthetic"


@pytest.fixture
def dataset(folder: Path) -> SyntheticSetDataset:
    return SyntheticSetDataset(filepath=str(folder))


def make(n: int = 7) -> SyntheticSet:
    return from_arrays(IMAGES[:n], LABELS[:n], NAMES, 3, name="gan", source="npz", prepared="p")


def in_scratch(scratch: Path) -> SyntheticSet:
    """The set with its shards in files, as a generator leaves them."""
    shards = {}
    for name, shard in make().shards.items():
        write_artifact(scratch / name, shard)
        shards[name] = Artifact(shard.tensors, shard.card, scratch / name)
    return assemble(shards, NAMES, name="gan", source="npz", prepared="p")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def flip_last_bit(path: Path) -> None:
    flipped = bytearray(path.read_bytes())
    flipped[-1] ^= 1
    path.write_bytes(flipped)


def test_a_set_comes_back_as_it_was_with_its_images_on_the_disk(dataset: SyntheticSetDataset, folder: Path) -> None:
    dataset.save(make())
    loaded = dataset.load()
    np.testing.assert_array_equal(loaded.images[:], IMAGES)
    np.testing.assert_array_equal(loaded.labels, LABELS)
    assert loaded.card == make().card
    assert isinstance(loaded.shards[SHARDS[0]].tensors["images"], np.memmap)
    assert names_in(folder) == ["manifest.json", *SHARDS]


def test_a_set_that_is_not_there_is_named_with_the_way_to_it(dataset: SyntheticSetDataset) -> None:
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="synthetic does not exist; run kedro run --pipelines=synthesis"):
        dataset.load()


@pytest.mark.parametrize("before", [False, True])
def test_an_interrupted_save_does_not_pass_for_the_whole(
    dataset: SyntheticSetDataset, folder: Path, before: bool
) -> None:
    if before:
        dataset.save(make())

    class KilledAfterOne(dict):
        def items(self):
            yield next(iter(super().items()))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dataset.save(SyntheticSet(KilledAfterOne(make().shards), make().card))
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="synthetic is incomplete: the run that made it was interrupted; run kedro"):
        dataset.load()
    assert names_in(folder) == (SHARDS if before else SHARDS[:1])
    dataset.save(make())
    np.testing.assert_array_equal(dataset.load().images[:], IMAGES)


def test_a_shard_with_a_flipped_bit_is_named(dataset: SyntheticSetDataset, folder: Path) -> None:
    dataset.save(make())
    flip_last_bit(folder / SHARDS[1])
    with pytest.raises(DatasetError, match=r"do not belong together \(shard_00001\.safetensors\); run kedro run"):
        dataset.load()


def test_a_shard_that_is_missing_is_named(dataset: SyntheticSetDataset, folder: Path) -> None:
    dataset.save(make())
    (folder / SHARDS[2]).unlink()
    with pytest.raises(DatasetError, match=r"do not belong together \(shard_00002\.safetensors\)"):
        dataset.load()


def test_a_shard_too_many_is_named(dataset: SyntheticSetDataset, folder: Path) -> None:
    dataset.save(make())
    (folder / "shard_00009.safetensors").write_bytes((folder / SHARDS[0]).read_bytes())
    with pytest.raises(DatasetError, match=r"do not belong together \(shard_00009\.safetensors\)"):
        dataset.load()


@pytest.mark.parametrize("keep", [0, 10, 100])
def test_a_truncated_shard_is_named(dataset: SyntheticSetDataset, folder: Path, keep: int) -> None:
    dataset.save(make())
    (folder / SHARDS[0]).write_bytes((folder / SHARDS[0]).read_bytes()[:keep])
    with pytest.raises(DatasetError, match=r"cannot read .*shard_00000\.safetensors"):
        dataset.load()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "\udcff"])
def test_a_damaged_manifest_is_named(dataset: SyntheticSetDataset, folder: Path, text: str) -> None:
    dataset.save(make())
    (folder / "manifest.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(DatasetError, match=r"manifest\.json is damaged .*; run kedro run --pipelines=synthesis"):
        dataset.load()


def test_surplus_shards_are_removed_and_other_files_are_not(dataset: SyntheticSetDataset, folder: Path) -> None:
    dataset.save(make())
    (folder / "notes.txt").touch()
    dataset.save(make(3))
    assert names_in(folder) == ["manifest.json", "notes.txt", SHARDS[0]]
    assert len(dataset.load()) == 3


def test_a_set_that_is_saved_where_it_was_loaded_from_keeps_its_files(
    dataset: SyntheticSetDataset, folder: Path
) -> None:
    dataset.save(make())
    inodes = [(folder / name).stat().st_ino for name in SHARDS]
    dataset.save(dataset.load())
    assert [(folder / name).stat().st_ino for name in SHARDS] == inodes
    np.testing.assert_array_equal(dataset.load().images[:], IMAGES)


def test_shards_in_scratch_are_linked(dataset: SyntheticSetDataset, folder: Path, tmp_path: Path) -> None:
    dataset.save(in_scratch(tmp_path / "scratch"))
    for name in SHARDS:
        assert (folder / name).samefile(tmp_path / "scratch" / name)


def test_shards_in_scratch_are_copied_where_there_are_no_links(
    dataset: SyntheticSetDataset, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise OSError("no links on this file system")

    monkeypatch.setattr(os, "link", refuse)
    dataset.save(in_scratch(tmp_path / "scratch"))
    assert not (folder / SHARDS[0]).samefile(tmp_path / "scratch" / SHARDS[0])
    np.testing.assert_array_equal(dataset.load().images[:], IMAGES)
    assert names_in(folder) == ["manifest.json", *SHARDS]


def test_a_set_that_was_checked_is_not_read_to_the_end_again_until_a_file_changes(
    dataset: SyntheticSetDataset, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthpath_kedro.data import synthetic

    dataset.save(make())
    read = []
    monkeypatch.setattr(
        synthetic, "read_artifact", lambda path: read.append(path.name) or synthetic_set.read_artifact(path)
    )
    dataset.load()
    dataset.load()
    assert read == SHARDS
    flip_last_bit(folder / SHARDS[1])
    os.utime(folder / SHARDS[1], ns=(0, 0))
    with pytest.raises(DatasetError, match="shard_00001"):
        dataset.load()
    assert read == [*SHARDS, SHARDS[1]]


def test_kedro_viz_shows_the_card(dataset: SyntheticSetDataset) -> None:
    dataset.save(make())
    assert dataset.preview()["counts"] == {"adipose": 3, "mucus": 2, "stroma": 2}
    assert json.dumps(dataset.preview())


def of_generators(n: int) -> SyntheticSet:
    parts = [from_arrays(IMAGES + k, LABELS, NAMES, 3, name="gan", source="npz", seed=k) for k in range(n)]
    return join(parts, name="gan", source="npz", prepared="p")


def test_parts_are_sets_of_their_own_in_folders_of_their_own(dataset: SyntheticSetDataset, folder: Path) -> None:
    dataset.save(of_generators(2))
    loaded = dataset.load()
    assert loaded.card == of_generators(2).card
    assert names_in(folder) == ["manifest.json", "replicate_0", "replicate_1"]
    np.testing.assert_array_equal(loaded.images[:], np.concatenate([IMAGES, IMAGES + 1]))
    assert loaded.made_by.tolist() == [0] * 7 + [1] * 7
    assert [part.card.seed for part in loaded.parts] == [0, 1]
    part = SyntheticSetDataset(filepath=str(folder / "replicate_1")).load()
    assert part.card == loaded.parts[1].card
    np.testing.assert_array_equal(part.images[:], IMAGES + 1)
    dataset.save(loaded)
    assert dataset.load().card == loaded.card


@pytest.mark.parametrize("fewer", [1, 2])
def test_parts_of_generators_that_are_no_more_are_removed(
    dataset: SyntheticSetDataset, folder: Path, fewer: int
) -> None:
    dataset.save(of_generators(3))
    dataset.save(make() if fewer == 1 else of_generators(2))
    assert names_in(folder) == ["manifest.json", *(SHARDS if fewer == 1 else ["replicate_0", "replicate_1"])]
    assert len(dataset.load()) == 7 * fewer


def test_a_damaged_shard_of_a_part_is_named(dataset: SyntheticSetDataset, folder: Path) -> None:
    dataset.save(of_generators(2))
    flip_last_bit(folder / "replicate_1" / SHARDS[0])
    with pytest.raises(DatasetError, match=r"do not belong together \(replicate_1/shard_00000\.safetensors\)"):
        dataset.load()

from pathlib import Path

import numpy as np
import pytest
from kedro.io import DatasetError

from synthpath_kedro.data.artifact import Artifact, Recipe, write_artifact
from synthpath_kedro.datasets import RecipeDataset, ShardsDataset


class Kitchen:
    """Makes recipes and remembers which it was asked to cook."""

    def __init__(self) -> None:
        self.cooked: list[int] = []

    def recipe(self, number: int, key: object = "same") -> Recipe:
        def write(path: Path) -> None:
            self.cooked.append(number)
            artifact = Artifact({"x": np.full(4, number)})
            write_artifact(path, Artifact(artifact.tensors, {"key": {"k": key}, "digest": artifact.digest}))

        return Recipe({"k": key}, write)


@pytest.fixture
def kitchen() -> Kitchen:
    return Kitchen()


@pytest.fixture
def shards(tmp_path: Path) -> ShardsDataset:
    return ShardsDataset(filepath=str(tmp_path))


def test_a_recipe_is_cooked_once(tmp_path: Path, kitchen: Kitchen) -> None:
    dataset = RecipeDataset(filepath=str(tmp_path / "a.safetensors"))
    dataset.save(kitchen.recipe(1))
    dataset.save(kitchen.recipe(1))
    assert kitchen.cooked == [1]
    dataset.save(kitchen.recipe(1, key="other"))
    assert kitchen.cooked == [1, 1]


def test_only_missing_damaged_and_changed_shards_are_made(
    tmp_path: Path, shards: ShardsDataset, kitchen: Kitchen
) -> None:
    names = [f"shard_{i}.safetensors" for i in range(5)]
    shards.save({name: kitchen.recipe(i) for i, name in enumerate(names)})
    kitchen.cooked.clear()
    (tmp_path / names[0]).unlink()
    flipped = bytearray((tmp_path / names[1]).read_bytes())
    flipped[-1] ^= 1
    (tmp_path / names[1]).write_bytes(flipped)
    (tmp_path / names[2]).write_bytes(b"no safetensors")
    again = {name: kitchen.recipe(i) for i, name in enumerate(names)} | {names[3]: kitchen.recipe(3, key="other")}
    shards.save(again)
    assert kitchen.cooked == [0, 1, 2, 3]


def test_surplus_shards_are_removed_and_other_files_are_not(
    tmp_path: Path, shards: ShardsDataset, kitchen: Kitchen
) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    shards.save({"a.safetensors": kitchen.recipe(0), "b.safetensors": kitchen.recipe(1)})
    shards.save({"a.safetensors": kitchen.recipe(0)})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.safetensors", "manifest.json"]
    assert list(shards.load()) == ["a.safetensors"]


def test_an_interrupted_shard_leaves_no_file(tmp_path: Path, shards: ShardsDataset) -> None:
    def write(path: Path) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shards.save({"a.safetensors": Recipe({}, write)})
    assert list(tmp_path.glob("*.safetensors")) == []


def test_what_a_killed_run_left_does_not_pass_for_the_whole(
    tmp_path: Path, shards: ShardsDataset, kitchen: Kitchen
) -> None:
    def die(path: Path) -> None:
        raise KeyboardInterrupt

    whole = {"a.safetensors": kitchen.recipe(0), "b.safetensors": kitchen.recipe(1)}
    with pytest.raises(KeyboardInterrupt):
        shards.save({**whole, "b.safetensors": Recipe({}, die)})
    assert [path.name for path in tmp_path.glob("*.safetensors")] == ["a.safetensors"]
    assert not shards.exists()
    with pytest.raises(DatasetError, match="is incomplete: the run that made it was interrupted"):
        shards.load()
    shards.save(whole)
    assert kitchen.cooked == [0, 1]
    assert shards.exists()
    assert list(shards.load()) == ["a.safetensors", "b.safetensors"]

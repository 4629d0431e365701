import copy
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from kedro.io import DatasetError
from kedro.io.core import Version

from synthpath_kedro.data.artifact import Artifact, read_artifact, write_artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.missing import MISSING
from synthpath_kedro.datasets import ArtifactDataset, ArtifactFolderDataset, LabeledImagesDataset


def test_images_come_back_as_they_were(tmp_path: Path, images: LabeledImages) -> None:
    dataset = LabeledImagesDataset(filepath=str(tmp_path / "i.safetensors"), version=Version(None, None))
    dataset.save(images)
    loaded = dataset.load()
    np.testing.assert_array_equal(loaded.images, images.images)
    np.testing.assert_array_equal(loaded.labels, images.labels)
    assert loaded.class_names == images.class_names
    assert loaded.digest == images.digest
    assert isinstance(loaded.images, np.memmap)


@pytest.mark.parametrize("keep", [0, 10, 100])
def test_a_truncated_file_is_named(tmp_path: Path, images: LabeledImages, keep: int) -> None:
    path = tmp_path / "i.safetensors"
    dataset = LabeledImagesDataset(filepath=str(path))
    dataset.save(images)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DatasetError, match=r"cannot read .*i\.safetensors"):
        dataset.load()


def test_an_optional_artifact_is_missing_until_it_is_there(tmp_path: Path) -> None:
    dataset = ArtifactDataset(filepath=str(tmp_path / "p.safetensors"), optional=True)
    assert dataset.load() is MISSING
    dataset.save(Artifact({"p": np.ones(2, np.float32)}, {"model": "cnn"}))
    assert dataset.load().card == {"model": "cnn"}
    dataset.save(MISSING)
    assert dataset.load() is MISSING
    assert list(tmp_path.iterdir()) == []


def through_another_process(value: object) -> object:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(copy.copy, value).result()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, through_another_process])
def test_missing_is_one_object_however_it_is_passed_on(copied: Callable) -> None:
    assert copied(MISSING) is MISSING
    assert copied({"cell": MISSING})["cell"] is MISSING


def test_a_versioned_optional_artifact_is_missing_until_it_is_there(tmp_path: Path) -> None:
    def dataset(save: str | None = None) -> ArtifactDataset:
        return ArtifactDataset(filepath=str(tmp_path / "p.safetensors"), optional=True, version=Version(None, save))

    assert dataset().load() is MISSING
    dataset("2026-01-01T00.00.00.000Z").save(Artifact({"p": np.ones(2, np.float32)}, {"model": "cnn"}))
    assert dataset().load().card == {"model": "cnn"}


@pytest.fixture
def scratch_file(tmp_path: Path) -> Path:
    """An artifact that a node left in its scratch folder."""
    path = tmp_path / "scratch" / "f.safetensors"
    artifact = Artifact({"f": np.arange(4)})
    write_artifact(path, Artifact(artifact.tensors, {"key": {"seed": 0}, "digest": artifact.digest}))
    return path


def test_an_artifact_that_lies_in_a_file_is_linked_and_not_written_again(tmp_path: Path, scratch_file: Path) -> None:
    dataset = ArtifactDataset(filepath=str(tmp_path / "f.safetensors"))
    dataset.save(read_artifact(scratch_file))
    assert (tmp_path / "f.safetensors").samefile(scratch_file)
    scratch_file.unlink()
    assert dataset.load().tensors["f"].tolist() == [0, 1, 2, 3]
    assert dataset.load().card["key"] == {"seed": 0}


def test_an_artifact_is_copied_where_there_are_no_links(
    tmp_path: Path, scratch_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise OSError("no links on this file system")

    monkeypatch.setattr(os, "link", refuse)
    ArtifactDataset(filepath=str(tmp_path / "f.safetensors")).save(read_artifact(scratch_file))
    assert not (tmp_path / "f.safetensors").samefile(scratch_file)
    assert (tmp_path / "f.safetensors").read_bytes() == scratch_file.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.safetensors", "scratch"]


def test_what_was_loaded_can_be_saved_again_where_it_lies(tmp_path: Path, scratch_file: Path) -> None:
    dataset = ArtifactDataset(filepath=str(tmp_path / "f.safetensors"))
    dataset.save(read_artifact(scratch_file))
    inode = (tmp_path / "f.safetensors").stat().st_ino
    dataset.save(dataset.load())
    assert (tmp_path / "f.safetensors").stat().st_ino == inode


def test_a_folder_gives_the_artifacts_that_can_be_read(tmp_path: Path, scratch_file: Path) -> None:
    (tmp_path / "scratch" / "damaged.safetensors").write_bytes(b"no safetensors")
    dataset = ArtifactFolderDataset(filepath=str(tmp_path))
    found = dataset.load()
    assert list(found) == ["scratch/f.safetensors"]
    assert found["scratch/f.safetensors"].path == scratch_file
    assert ArtifactFolderDataset(filepath=str(tmp_path / "gone")).load() == {}


def flip_last_bit(path: Path) -> None:
    flipped = bytearray(path.read_bytes())
    flipped[-1] ^= 1
    path.write_bytes(flipped)


def test_an_artifact_with_a_flipped_bit_is_named_with_the_ways_out(tmp_path: Path) -> None:
    path = tmp_path / "p.safetensors"
    dataset = ArtifactDataset(filepath=str(path))
    dataset.save(Artifact({"p": np.ones(2, np.float32)}, {"model": "cnn"}))
    flip_last_bit(path)
    with pytest.raises(DatasetError, match=r"p\.safetensors is damaged: .* load another version with --load-versions"):
        dataset.load()

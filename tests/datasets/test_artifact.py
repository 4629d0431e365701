from pathlib import Path

import numpy as np
import pytest
from kedro.io import DatasetError
from kedro.io.core import Version

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.datasets import ArtifactDataset, LabeledImagesDataset


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


def test_an_optional_artifact_is_none_until_it_is_there(tmp_path: Path) -> None:
    dataset = ArtifactDataset(filepath=str(tmp_path / "p.safetensors"), optional=True)
    assert dataset.load() is None
    dataset.save(Artifact({"p": np.ones(2, np.float32)}, {"model": "cnn"}))
    assert dataset.load().card == {"model": "cnn"}
    dataset.save(Artifact({}))
    assert dataset.load() is None


def test_an_artifact_with_a_flipped_bit_is_named_with_the_ways_out(tmp_path: Path) -> None:
    path = tmp_path / "p.safetensors"
    dataset = ArtifactDataset(filepath=str(path))
    dataset.save(Artifact({"p": np.ones(2, np.float32)}, {"model": "cnn"}))
    flipped = bytearray(path.read_bytes())
    flipped[-1] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(DatasetError, match=r"p\.safetensors is damaged: .* load another version with --load-versions"):
        dataset.load()

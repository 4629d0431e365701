from pathlib import Path

import pytest

from synthpath_kedro.datasets import WrittenFolderDataset


def test_the_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    dataset = WrittenFolderDataset(filepath=str(tmp_path / "export"))
    dataset.save(lambda folder: (folder / "old").touch())
    dataset.save(lambda folder: (folder / "new").touch())
    assert [path.name for path in dataset.load().iterdir()] == ["new"]


def test_a_writer_that_fails_leaves_the_older_folder_and_nothing_half_written(tmp_path: Path) -> None:
    dataset = WrittenFolderDataset(filepath=str(tmp_path / "export"))
    dataset.save(lambda folder: (folder / "old").touch())

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise RuntimeError("the disk is gone")

    with pytest.raises(Exception, match="the disk is gone"):
        dataset.save(fail)
    assert [path.name for path in tmp_path.rglob("*")] == ["export", "old"]

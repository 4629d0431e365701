from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from synthpath_kedro.datasets import ExportDataset


@dataclass(frozen=True)
class Writes:
    """Something that is written into a folder."""

    write: Callable[[Path], None]


def test_the_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    dataset = ExportDataset(filepath=str(tmp_path / "export"))
    dataset.save(Writes(lambda folder: (folder / "old").touch()))
    dataset.save(Writes(lambda folder: (folder / "new").touch()))
    assert [path.name for path in dataset.load().iterdir()] == ["new"]


def test_a_writer_that_fails_leaves_the_older_folder_and_nothing_half_written(tmp_path: Path) -> None:
    dataset = ExportDataset(filepath=str(tmp_path / "export"))
    dataset.save(Writes(lambda folder: (folder / "old").touch()))

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise RuntimeError("the disk is gone")

    with pytest.raises(Exception, match="the disk is gone"):
        dataset.save(Writes(fail))
    assert [path.name for path in tmp_path.rglob("*")] == ["export", "old"]


def test_what_a_killed_run_left_is_removed(tmp_path: Path, left_by_a_killed_run: Callable[[Path], Path]) -> None:
    left_by_a_killed_run(tmp_path / "export").mkdir()
    ExportDataset(filepath=str(tmp_path / "export")).save(Writes(lambda folder: (folder / "new").touch()))
    assert [path.name for path in tmp_path.iterdir()] == ["export"]

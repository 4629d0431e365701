import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset, Version

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.datasets import ArtifactDataset, TableDataset
from synthpath_kedro.datasets.versioned import versions_from_the_future
from synthpath_kedro.errors import InputError

OLD, OWN, FUTURE = "2026-01-01T00.00.00.000Z", "2026-01-02T00.00.00.000Z", "2999-01-01T00.00.00.000Z"


def table(folder: Path, save: str | None = None, load: str | None = None) -> TableDataset:
    return TableDataset(filepath=str(folder / "table.csv"), version=Version(load, save))


def put(folder: Path, *versions: str) -> None:
    for version in versions:
        table(folder, save=version).save(pd.DataFrame({"reason": [version]}))


def made(dataset: TableDataset) -> str:
    return dataset.load()["reason"].item()


@pytest.mark.filterwarnings("ignore:Save version")
def test_a_run_loads_what_it_saved_whatever_is_newer(tmp_path: Path) -> None:
    put(tmp_path, OLD, FUTURE)
    put(tmp_path, OWN)
    assert made(table(tmp_path, save=OWN)) == OWN
    assert made(table(tmp_path, save="2026-01-03T00.00.00.000Z")) == FUTURE
    assert made(table(tmp_path, save=OWN, load=OLD)) == OLD


def test_an_input_stays_the_version_that_was_current_when_the_run_asked_first(tmp_path: Path) -> None:
    put(tmp_path, OLD)
    begun = table(tmp_path, save="2026-01-03T00.00.00.000Z")
    assert begun.exists()
    put(tmp_path, OWN)
    assert made(begun) == OLD


def test_versions_from_the_future_are_found_and_chosen_ones_are_the_users_business(tmp_path: Path) -> None:
    for name in ("early", "late", "chosen", "none"):
        (tmp_path / name).mkdir()
    put(tmp_path / "early", OLD)
    put(tmp_path / "late", OLD, FUTURE)
    put(tmp_path / "chosen", FUTURE)
    catalog = DataCatalog(
        {
            **{name: table(tmp_path / name, save=OWN) for name in ("early", "late", "none")},
            "chosen": table(tmp_path / "chosen", load=FUTURE),
            "unversioned": TableDataset(filepath=str(tmp_path / "plain.csv")),
            "passed_on": MemoryDataset(0),
        }
    )
    assert versions_from_the_future(catalog, catalog.keys()) == {"late": FUTURE}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a tmpfs needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_line_and_earlier_versions_stay(small_disk: Path) -> None:
    put(small_disk, OLD)
    with pytest.raises(Exception, match="No space left on device") as refused:
        table(small_disk, save=OWN).save(pd.DataFrame({"reason": ["x" * 100] * 10_000}))
    causes = [refused.value]
    while causes[-1].__cause__:
        causes.append(causes[-1].__cause__)
    assert any(isinstance(cause, InputError) and "cannot write" in str(cause) for cause in causes)
    assert made(table(small_disk)) == OLD
    assert [path for path in small_disk.rglob("*") if path.suffix == ".part"] == []


def test_an_artifact_on_a_full_disk_too(small_disk: Path) -> None:
    path = str(small_disk / "a.safetensors")
    ArtifactDataset(filepath=path, version=Version(None, OLD)).save(Artifact({"a": np.arange(9)}))
    with pytest.raises(Exception, match="No space left on device"):
        ArtifactDataset(filepath=path, version=Version(None, OWN)).save(Artifact({"a": np.zeros(100_000)}))
    kept = ArtifactDataset(filepath=path, version=Version(None, None)).load()
    assert isinstance(kept, Artifact)
    assert kept.tensors["a"].tolist() == list(range(9))
    assert [path for path in small_disk.rglob("*") if path.suffix == ".part"] == []


def test_a_folder_that_cannot_be_written_to_is_named_and_earlier_versions_stay(small_disk: Path) -> None:
    path = str(small_disk / "a.safetensors")
    ArtifactDataset(filepath=path, version=Version(None, OLD)).save(Artifact({"a": np.arange(9)}))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(Exception, match=rf"cannot write to {path}/{OWN}: Read-only file system; give write permission"):
        ArtifactDataset(filepath=path, version=Version(None, OWN)).save(Artifact({"a": np.zeros(9)}))
    kept = ArtifactDataset(filepath=path, version=Version(None, None)).load()
    assert isinstance(kept, Artifact)
    assert kept.tensors["a"].tolist() == list(range(9))

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from synthpath_kedro.data.artifact import Artifact, AtomicFile, atomic_path, place_file, write_artifact
from synthpath_kedro.errors import InputError


@pytest.mark.parametrize("before", [None, b"whole"])
def test_an_interrupted_write_leaves_the_older_file_and_nothing_else(tmp_path: Path, before: bytes | None) -> None:
    path = tmp_path / "a.safetensors"
    if before is not None:
        path.write_bytes(before)

    def write_and_die() -> None:
        with atomic_path(path) as temporary:
            temporary.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_die()
    assert [found.read_bytes() for found in tmp_path.iterdir()] == ([] if before is None else [before])


def test_a_file_takes_the_place_of_an_older_one_and_of_what_a_killed_run_left(
    tmp_path: Path, left_by_a_killed_run: Callable[[Path], Path]
) -> None:
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "a").write_bytes(b"old")
    left_by_a_killed_run(tmp_path / "a").write_bytes(b"half")
    place_file(tmp_path / "new", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "new"]


def test_half_files_of_other_hosts_and_of_no_owner_go_after_a_day(tmp_path: Path) -> None:
    fresh, old = [".a.elsewhere.example.1.x.part", ".a.x.part"], [".a.elsewhere.example.2.x.part", ".a.y.part"]
    for name in (*fresh, *old):
        (tmp_path / name).touch()
    for name in old:
        os.utime(tmp_path / name, (time.time() - 25 * 3600,) * 2)
    with atomic_path(tmp_path / "a") as temporary:
        temporary.write_bytes(b"whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["a", *fresh])


WRITE_SLOWLY = """
import sys
import time
from collections.abc import Callable
from pathlib import Path
from synthpath_kedro.data.artifact import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    print("began", flush=True)
    temporary.write_text(sys.stdin.read())
"""


def test_two_processes_that_write_the_same_file_leave_it_whole(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITE_SLOWLY, str(tmp_path / "a")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    first, second = (subprocess.Popen(command, **pipes) for _ in range(2))
    assert [process.stdout.readline() for process in (first, second)] == ["began\n"] * 2
    assert second.communicate("second")[0] == ""
    assert (tmp_path / "a").read_text() == "second"
    first.communicate("first")
    assert (first.returncode, second.returncode) == (0, 0)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "first")]


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may become longer than 4096 bytes: writes fail as on a full disk, while reading works."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [5000, 10**6])
def test_a_write_that_fails_is_called_one_and_leaves_the_older_file(tmp_path: Path, full_disk: None, size: int) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"whole")
    with pytest.raises(InputError, match=r"cannot write .*a\.safetensors: File too large; earlier versions are"):
        write_artifact(path, Artifact({"images": np.zeros(size, np.uint8)}))
    assert [found.read_bytes() for found in tmp_path.iterdir()] == [b"whole"]


def test_a_copy_that_fails_is_called_a_write(tmp_path: Path, full_disk: None, monkeypatch) -> None:
    def no_links(source: Path, target: Path) -> None:
        raise OSError

    monkeypatch.setattr("os.link", no_links)
    with pytest.raises(InputError, match=r"cannot write .*copy: File too large"):
        place_file(Path(__file__).parents[1] / "test_end_to_end.py", tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_an_error_between_two_writes_stays_what_it_is(tmp_path: Path) -> None:
    def compute_for_hours() -> None:
        with AtomicFile(tmp_path / "a") as file:
            file.write(b"first")
            (tmp_path / "weights that are gone").stat()

    with pytest.raises(FileNotFoundError, match="weights that are gone"):
        compute_for_hours()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_written_while_an_exception_is_handled_gets_its_name(tmp_path: Path) -> None:
    try:
        raise InterruptedError
    except InterruptedError:
        with AtomicFile(tmp_path / "a") as file:
            file.write(b"whole")
    assert (tmp_path / "a").read_bytes() == b"whole"

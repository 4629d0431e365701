import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from synthpath_kedro.data.artifact import atomic_path, place_file


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

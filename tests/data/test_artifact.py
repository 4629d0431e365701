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


def test_a_file_takes_the_place_of_an_older_one_and_of_what_a_killed_run_left(tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / ".a.x.part").write_bytes(b"half")
    place_file(tmp_path / "new", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "new"]

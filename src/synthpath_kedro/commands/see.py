"""``kedro study see``: what a folder or file of the user's own holds, for DVC."""

import hashlib
import json
from pathlib import Path

import click

from synthpath_kedro.errors import InputError


@click.command(hidden=True)
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("record", type=click.Path(path_type=Path))
def see(path: Path, record: Path) -> None:
    """Write the SHA-256 of every file in PATH to RECORD.

    A stage of DVC names a fixed number of dependencies, and a study has any number of synthetic sets of the user's
    own: each has a stage that writes such a record, and synthesis depends on the folder of the records.
    """
    if not path.exists():
        raise InputError(f"synthesis: {path} does not exist; give the folder or file of the synthetic images")
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(_digests(path), indent=1, sort_keys=True) + "\n")


def _digests(path: Path) -> dict[str, str]:
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    found = {}
    for file in files:
        with file.open("rb") as stream:
            found[file.relative_to(path.parent).as_posix()] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found

"""``kedro study see``: what a folder or file of the user's own holds, for DVC."""

import hashlib
import json
import os
from pathlib import Path

import click

from synthpath_kedro.errors import InputError


@click.command(hidden=True)
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("record", type=click.Path(path_type=Path))
def see(path: Path, record: Path) -> None:
    """Write the SHA-256 of every file in PATH to RECORD.

    A stage of DVC names a fixed number of dependencies, and a study has any number of synthetic sets of the user's
    own and of links to folders in the data: each has a stage that writes such a record, and other stages depend on the
    folder of the records.
    """
    if not path.exists():
        raise InputError(f"synthesis: {path} does not exist; give the folder or file of the synthetic images")
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(_digests(path), indent=1, sort_keys=True) + "\n")


def linked_folders(path: Path) -> list[Path]:
    """The real folders that links to folders below ``path`` lead to, which DVC does not look into; none is named twice.

    Links below those folders are followed too, and none in a circle.
    """
    found: list[Path] = []
    waiting = [path.resolve()]
    while waiting:
        for parent, folders, _ in os.walk(waiting.pop()):
            links = [Path(parent, name) for name in sorted(folders) if Path(parent, name).is_symlink()]
            for target in (link.resolve() for link in links):
                if not any(known in (target, *target.parents) for known in (path.resolve(), *found)):
                    found.append(target)
                    waiting.append(target)
    return found


def _digests(path: Path) -> dict[str, str]:
    found = {}
    for folder in (path, *linked_folders(path)):
        files = [folder] if folder.is_file() else sorted(file for file in folder.rglob("*") if file.is_file())
        for file in files:
            with file.open("rb") as stream:
                name = file.relative_to(path.parent) if folder == path else file
                found[name.as_posix()] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found

"""``kedro study new``: an environment of one's own."""

import re
import shutil
from pathlib import Path
from typing import Any

import click
import yaml

from synthpath_kedro.commands.environments import BASE, LOCAL, Environment, check_environment, find_project
from synthpath_kedro.errors import InputError
from synthpath_kedro.study.generators import GENERATORS

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_SOURCES = ("image_folder", "npz", "medmnist", "phantom")
_NEED_PATH = ("image_folder", "npz")


@click.command()
@click.argument("name")
@click.option("--like", default="demo", show_default=True, help="The environment whose parameters it starts from.")
@click.option("--source", type=click.Choice(_SOURCES), help="Where the real images come from.")
@click.option("--path", help="The folder or file of the real images.")
@click.option("--group", help="What tells patients apart: see data_prep.group in conf/base.")
@click.option("--image-size", type=click.IntRange(8, 1024), help="Pixels that images are resized to.")
@click.option("--synthetic-source", type=click.Choice(list(GENERATORS)), help="Who makes the synthetic images.")
@click.option("--synthetic-path", help="The folder or file of synthetic images made elsewhere.")
def new(
    name: str,
    like: str,
    source: str | None,
    path: str | None,
    group: str | None,
    image_size: int | None,
    synthetic_source: str | None,
    synthetic_path: str | None,
) -> None:
    """Write conf/NAME: an environment of your own, with your images.

    It holds only what differs from conf/base, and its results lie in data/NAME.
    """
    project = find_project()
    _check_name(name, project)
    check_environment(like, project)
    source = source or ("npz" if path and path.endswith(".npz") else "image_folder" if path else None)
    synthetic_source = synthetic_source or (
        "npz" if synthetic_path and synthetic_path.endswith(".npz") else "image_folder" if synthetic_path else None
    )
    _check_path("--path", path, source)
    _check_path("--synthetic-path", synthetic_path, synthetic_source)
    changes = {
        "data_prep": _given(source=source, path=path, group=group, image_size=image_size),
        "synthesis": _given(source=synthetic_source, path=synthetic_path),
    }
    environment = Environment(name, project)
    write_environment(environment, Environment(BASE if like == LOCAL else like, project), changes)
    for line in _next_steps(name, environment.root):
        click.echo(line)


def write_environment(environment: Environment, like: Environment, changes: dict[str, dict[str, Any]]) -> None:
    """Writes the folder of ``environment``; leaves nothing behind where the parameters would not be valid.

    Args:
        environment: the new one.
        like: whose own parameter files are copied.
        changes: values by block and key that replace those of ``like``.

    Raises:
        InputError: a value is not valid.
    """
    folder = environment.project / environment.own_folder
    folder.mkdir(parents=True)
    try:
        (folder / "globals.yml").write_text(f"data_root: data/{environment.name}\n")
        for path in sorted((environment.project / like.own_folder).glob("parameters*.y*ml")):
            shutil.copy(path, folder / path.name)
        for block, values in changes.items():
            _change(folder / f"parameters_{block}.yml", block, values)
        environment.read_parameters()
    except BaseException:
        shutil.rmtree(folder)
        raise


def _change(path: Path, block: str, values: dict[str, Any]) -> None:
    if not values:
        return
    known = yaml.safe_load(path.read_text()) if path.exists() else {}
    known[block] = {**known.get(block, {}), **values}
    path.write_text(yaml.safe_dump(known, sort_keys=False, allow_unicode=True))


def _check_name(name: str, project: Path) -> None:
    if not _NAME.fullmatch(name):
        raise InputError(f"environment {name!r}: a name is letters, digits, - and _, beginning with a letter")
    if name in (BASE, LOCAL) or (project / "conf" / name).exists():
        raise InputError(f"conf/{name} exists already; choose another name, or remove the folder")
    if re.fullmatch(r"\d\d_.*|scratch|logs", name):
        raise InputError(f"data/{name} is a folder of the base environment; choose another name")


def _check_path(option: str, path: str | None, source: str | None) -> None:
    if source in _NEED_PATH and path is None:
        raise InputError(f"source {source} reads images: give {option}")
    if path is not None and not Path(path).expanduser().exists():
        raise InputError(f"{option}: {path} does not exist; give the folder or file of the images")


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _next_steps(name: str, root: str) -> tuple[str, ...]:
    return (
        f"conf/{name} is written. Next:",
        f"  kedro study plan --env={name}   what it will cost, and what would be refused",
        f"  kedro run --env={name}          the study; its report: {root}/08_reporting/report.html",
        f"  kedro study use {name}          the same through DVC, with dvc repro",
    )

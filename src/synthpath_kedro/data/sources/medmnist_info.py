"""What MedMNIST knows of its 2D sets, read from its file alone: importing the package imports torch."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from runpy import run_path
from typing import Any

from synthpath_kedro.errors import InputError


def info_of(name: str) -> dict[str, Any]:
    """Everything about the 2D set ``name``.

    Raises:
        InputError: there is no such set.
    """
    known = info_2d()
    if name not in known:
        raise InputError(
            f"data_prep.name is {name!r}, which is no 2D data set of MedMNIST; valid: {', '.join(sorted(known))}; "
            "for data of your own set data_prep.source to npz or image_folder"
        )
    return known[name]


def class_names_of(name: str) -> tuple[str, ...] | None:
    """Class names, in label order, of the 2D set ``name``; None where there is no such set."""
    info = info_2d().get(name.lower())
    return None if info is None else names_in(info)


def names_in(info: dict[str, Any]) -> tuple[str, ...]:
    """Class names, in label order."""
    return tuple(info["label"][str(label)] for label in range(len(info["label"])))


@cache
def info_2d() -> dict[str, dict[str, Any]]:
    """Everything about every 2D set, by name."""
    package = find_spec("medmnist")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("medmnist is not installed; run make setup")
    info = run_path(str(Path(package.origin).with_name("info.py")))["INFO"]
    return {name: facts for name, facts in info.items() if not name.endswith("3d")}

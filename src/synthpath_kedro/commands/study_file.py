"""The file by which dvc.yaml knows an environment: its folders, cells and the parameters that each stage reads."""

from pathlib import Path
from typing import Any

import yaml

from synthpath_kedro.commands.environments import BASE, Environment
from synthpath_kedro.commands.see import linked_folders
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import ClassificationParameters
from synthpath_kedro.study.grid import Grid
from synthpath_kedro.study.models import FAMILIES
from synthpath_kedro.study.regimes import REGIMES

STUDY_FILE = "study.yaml"
BY_KEY = ("classification", "evaluation")
"""Blocks of which a stage reads some keys; of the others it reads the whole block."""

# A list in dvc.yaml has a fixed length: where a study has no such file or key, one is named here that the stage depends
# on anyway.
_CODE = "src/synthpath_kedro"
_NO_DATA = {"phantom": f"{_CODE}/data/phantom", "medmnist": f"{_CODE}/data/sources/medmnist.py"}
_NO_START = f"{_CODE}/diffusion/start.py"
_NO_AUTOENCODER = f"{_CODE}/data/artifact.py"
_NO_IMAGES = f"{_CODE}/data/synthetic.py"
_NO_FILTER = f"{_CODE}/data/regimes.py"
_NO_KEY = "classification.max_epochs"

_HEADER = """\
# Which environment dvc.yaml is about, written by: kedro study use {name}
# Not to be edited: change conf, then run the command again.
"""


class _Plain(yaml.SafeDumper):
    """Writes equal values out each time instead of as an anchor and its aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature is yaml's
        return True


def write_study_file(environment: Environment) -> Path:
    """Writes the file for ``environment``.

    Raises:
        InputError: its parameters are not valid.
    """
    path = environment.project / STUDY_FILE
    path.write_text(study_file_text(environment))
    return path


def environment_in_use(project: Path) -> str:
    """The environment that dvc.yaml is about; base where nobody chose one."""
    path = project / STUDY_FILE
    return str(yaml.safe_load(path.read_text())["environment"]) if path.exists() else BASE


def check_study_file(environment: Environment) -> None:
    """Refuses a file that conf has outgrown: DVC would not see a key or a cell that has come since.

    Raises:
        InputError: the file is not what ``write_study_file`` would write now.
    """
    path = environment.project / STUDY_FILE
    if not path.exists() or path.read_text() != study_file_text(environment):
        raise InputError(
            f"{STUDY_FILE} is not up to date with conf/{environment.name}; run kedro study use {environment.name}, "
            "then dvc repro again"
        )


def study_file_text(environment: Environment) -> str:
    """What the file holds."""
    text = yaml.dump(describe_study(environment), Dumper=_Plain, sort_keys=False, width=120)
    return _HEADER.format(name=environment.name) + text


def describe_study(environment: Environment) -> dict[str, Any]:
    """What dvc.yaml reads of ``environment``.

    Raises:
        InputError: its parameters are not valid.
    """
    name, root = environment.name, environment.root
    parameters = environment.read_parameters()
    grid = Grid.from_parameters(parameters)
    own_sets = {key: one.path for key, one in parameters.synthesis.synthetic_sets.items() if one.path}
    files = _ParameterFiles(environment)
    data = _resolve(parameters.data_prep.path)
    roots = [Path(environment.project, root) for root in (data, *map(_resolve, own_sets.values())) if root]
    linked = list(dict.fromkeys(folder.as_posix() for one in roots for folder in linked_folders(one)))
    return {
        "environment": name,
        "kedro_env": environment.kedro_name,
        "conf": environment.own_folder.as_posix(),
        "root": root,
        "models": list(grid.models),
        "regimes": list(grid.regimes),
        "sets": list(grid.sets),
        "data": data or _NO_DATA[parameters.data_prep.source],
        "linked_seen": f"{root}/01_raw/linked_folders" if linked else _NO_IMAGES,
        "linked_folders": {f"{name}-{k}": {"number": k, "path": path} for k, path in enumerate(linked)},
        "denoiser": f"{root}/06_models/denoiser.safetensors"
        if grid.needs_denoiser
        else f"{_CODE}/diffusion/denoiser.py",
        "start": _start(parameters.diffusion.start_from, environment.project),
        "autoencoder": f"{root}/06_models/autoencoder.safetensors" if grid.latent else _NO_AUTOENCODER,
        "reconstructed": f"{root}/07_model_output/autoencoder" if grid.latent else _NO_AUTOENCODER,
        "own_sets_seen": f"{root}/01_raw/own_sets" if own_sets else _NO_IMAGES,
        "set_in": files.set_in,
        "rejection": {
            key: files.place(f"evaluation.{key}" if parameters.synthesis.reject_copies else _NO_KEY)
            for key in ("features", "privacy")
        },
        "studies": [name],
        "denoisers": [name] * grid.needs_denoiser,
        "own_sets": {f"{name}-{key}": {"set": key, "path": _resolve(path)} for key, path in own_sets.items()},
        "cells": {
            f"{name}-{model}-{regime}": _describe_cells(model, regime, root, parameters.classification, files)
            for model, regime in dict.fromkeys(cell[:2] for cell in grid.cells)
        },
    }


def _describe_cells(
    model: str, regime: str, root: str, study: ClassificationParameters, files: "_ParameterFiles"
) -> dict[str, Any]:
    """Of the cells of ``model`` under ``regime``, one for each synthetic set."""
    uses_synthetic = REGIMES[regime].uses_synthetic
    filtering = study.confidence_filtering.model if uses_synthetic else None
    family = study.backbone(model).family
    is_read = {
        "mixing_ratio": REGIMES[regime].reads_mixing_ratio,
        "confidence_filtering": uses_synthetic,
        "prompt": family is None or FAMILIES[family].reads_prompt,
    }
    block = f"classification.backbones.{model}"
    return {
        "model": model,
        "regime": regime,
        "synthetic": f"{root}/07_model_output/synthetic" if uses_synthetic else _NO_IMAGES,
        "filtered_by": f"{root}/06_models/classifiers/{filtering}/real" if filtering else _NO_FILTER,
        "backbone": {"first_in": files.first_with(block), "set_in": files.last_with(block)},
        **{key: files.place(f"classification.{key}" if read else _NO_KEY) for key, read in is_read.items()},
    }


class _ParameterFiles:
    """The parameter files of base and of one environment, which Kedro merges, as DVC sees them: one by one."""

    def __init__(self, environment: Environment) -> None:
        folders = (Path("conf", BASE), environment.own_folder)
        self._values: dict[str, dict[str, Any]] = {}
        for folder in dict.fromkeys(folders):
            for path in sorted((environment.project / folder).rglob("parameters*.y*ml")):
                name = path.relative_to(environment.project).as_posix()
                self._values[name] = yaml.safe_load(path.read_text()) or {}

    @property
    def set_in(self) -> dict[str, Any]:
        """For every block the last file that has it; for each key of a block that cells share, for the key."""
        by_key = {block: {key: self.last_with(f"{block}.{key}") for key in self._keys(block)} for block in BY_KEY}
        whole = {block: self.last_with(block) for block in self._keys() if block not in (*BY_KEY, "model", "regime")}
        return {**whole, **by_key, "whole": {block: self.last_with(block) for block in BY_KEY}}

    def first_with(self, key: str) -> str:
        """The first file, base's before the environment's own, that has ``key``."""
        return next(name for name, values in self._values.items() if _has(values, key))

    def last_with(self, key: str) -> str:
        """The last file that has ``key``: it decides its value."""
        return [name for name, values in self._values.items() if _has(values, key)][-1]

    def place(self, key: str) -> dict[str, str]:
        """``key`` and the files that have it."""
        return {"key": key, "first_in": self.first_with(key), "set_in": self.last_with(key)}

    def _keys(self, block: str | None = None) -> list[str]:
        blocks = [values if block is None else values.get(block) or {} for values in self._values.values()]
        return list(dict.fromkeys(key for values in blocks for key in values))


def _has(values: Any, key: str) -> bool:
    first, _, rest = key.partition(".")
    return isinstance(values, dict) and first in values and (not rest or _has(values[first], rest))


def _start(name: str | None, project: Path) -> str:
    """The file or folder of the weights that the denoiser starts from."""
    packaged = f"{_CODE}/diffusion/packaged/{name}.safetensors"
    return packaged if (project / packaged).exists() else _resolve(name) or _NO_START


def _resolve(path: str | None) -> str | None:
    return None if path is None else Path(path).expanduser().as_posix()

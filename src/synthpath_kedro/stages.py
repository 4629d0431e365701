"""What DVC's stages need around ``kedro run``.

DVC cannot read KEDRO_ENV in dvc.yaml. So its first stage, which always runs, writes down the environment and the
parameters that each later stage depends on, and every stage names its outputs under the root of every environment;
those of the environments that a run is not about are left as they are, and made as empty places where there are none.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from synthpath_kedro.data.artifact import atomic_path
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import Parameters, read_parameters
from synthpath_kedro.study.grid import Grid

RECORD = Path("data/environment")
PLACEHOLDER = ".gitkeep"
STUDY_LEVEL = ("bootstrap_resamples", "calibration_bins", "neighbors", "features", "privacy")
"""Parameters of evaluation that no cell reads: tables and report alone depend on them."""


def read_environment(project: Path) -> tuple[str, Parameters]:
    """The name of the environment that KEDRO_ENV chooses (base where unset) and its parameters."""
    bootstrap_project(project)
    with KedroSession.create(project_path=project) as session:
        context = session.load_context()  # type: ignore[attr-defined]
        return context.env or "base", read_parameters(dict(context.config_loader["parameters"]))


def record_environment(project: Path) -> None:
    """Writes one file per stage (of classification: a cell) that holds just what the stage depends on.

    Raises:
        InputError: dvc.yaml does not know the environment, so that it could not tell what has changed.
    """
    name, parameters = read_environment(project)
    if name != "base" and f"data/{name}/" not in (project / "dvc.yaml").read_text():
        raise InputError(
            f"dvc.yaml has no outputs of the environment {name}: add data/{name} beside data/demo in every stage, or "
            f"run kedro run --env={name} without DVC"
        )
    shared = {"environment": name, "seed": parameters.seed}
    values = parameters.model_dump(mode="json")
    grid = Grid.from_parameters(parameters)
    records: dict[str, Any] = {
        "data_prep": {"data_prep": values["data_prep"], "raw": _fingerprint(parameters.data_prep.path)},
        "diffusion": {"diffusion": values["diffusion"]},
        "synthesis": {"synthesis": values["synthesis"]},
        "evaluation": {"evaluation": _without(values["evaluation"], STUDY_LEVEL)},
        "report": {
            "evaluation": values["evaluation"],
            "report": values["report"],
            "cells": [cell.namespace for cell in grid.cells],
        },
    }
    for model, regime, *_ in Grid().cells:
        in_study = (model, regime) in {cell[:2] for cell in grid.cells}
        records[f"{model}_{regime}"] = _of_cell(values["classification"], model, regime) if in_study else {}
    for stage, record in records.items():
        with atomic_path(project / RECORD / f"{stage}.yml") as temporary:
            temporary.write_text(yaml.safe_dump(shared | record))


def _of_cell(values: dict[str, Any], model: str, regime: str) -> dict[str, Any]:
    """The classification parameters that the cell reads: those of all models, and its own model's."""
    foreign = {"models", "regimes", "backbones"}
    if regime != "mixed":
        foreign.add("mixing_ratio")
    if model != "clip":
        foreign.add("prompt")
    return {key: value for key, value in values.items() if key not in foreign} | {model: values["backbones"][model]}


def _without(values: dict[str, Any], keys: Collection[str]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in keys}


def _fingerprint(path: str | None) -> list[list[str | int]]:
    """Names, sizes and times of the user's own files, so that a change to them is seen."""
    if path is None or not Path(path).exists():
        return []
    root = Path(path)
    files = [root] if root.is_file() else sorted(file for file in root.rglob("*") if file.is_file())
    return [[str(file), file.stat().st_size, file.stat().st_mtime_ns] for file in files]


def create_output_dirs(project: Path, stage: str, model: str | None, regime: str | None) -> None:
    """Makes the outputs that dvc.yaml names for a stage, where there are none: folders, and metrics without numbers."""
    outputs = yaml.safe_load((project / "dvc.yaml").read_text())["stages"][stage]
    for entry in [*outputs.get("outs", []), *outputs.get("metrics", [])]:
        (name,) = entry if isinstance(entry, dict) else (entry,)
        path = project / name.replace("${item.model}", model or "").replace("${item.regime}", regime or "")
        if path.suffix == ".json":
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.write_text("{}\n")
        else:
            path.mkdir(parents=True, exist_ok=True)
            if not any(path.iterdir()):
                (path / PLACEHOLDER).touch()

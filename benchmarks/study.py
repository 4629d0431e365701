"""The study's own parameters, so that a benchmark is about what conf/base says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from synthpath_kedro.parameters import Parameters, read_parameters

BASE = Path(__file__).parents[1] / "conf" / "base"


def read_study(**changes: Mapping[str, Any]) -> Parameters:
    """The parameters of conf/base, with random weights in place of downloaded ones, which cost the same time.

    Args:
        changes: blocks by name, with the keys that differ; keys of blocks within them too.
    """
    values: dict[str, Any] = {}
    for path in sorted(BASE.glob("parameters*.yml")):
        values |= yaml.safe_load(path.read_text())
    for backbone in values["classification"]["backbones"].values():
        backbone["weights"] = "random"
    return read_parameters(_merged(values, changes))


def _merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    both = {key: _merged(values[key], new) for key, new in changes.items() if isinstance(values.get(key), Mapping)}
    return {**values, **changes, **both}

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from synthpath_kedro.parameters import Parameters, read_parameters


def merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """``first`` with the values of ``second``, block by block."""
    result = dict(first)
    for key, value in second.items():
        known = result.get(key)
        result[key] = merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return result


@pytest.fixture
def parameters(project: Path) -> Callable[..., Parameters]:
    """Builds all parameters of the tiny environment, changed where a test says so."""
    values: dict[str, Any] = {}
    for environment in ("base", "tiny"):
        for path in sorted((project / "conf" / environment).glob("parameters*.yml")):
            values = merged(values, yaml.safe_load(path.read_text()))
    return lambda **changes: read_parameters(merged(values, changes))

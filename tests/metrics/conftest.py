from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from synthpath_kedro.parameters import EvaluationParameters


@pytest.fixture
def evaluation_parameters(project: Path) -> Callable[..., EvaluationParameters]:
    """Builds the block ``evaluation`` of the base environment, changed where a test says so."""
    block = yaml.safe_load((project / "conf/base/parameters_evaluation.yml").read_text())["evaluation"]
    return lambda **changes: EvaluationParameters(**{**block, **changes})

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from synthpath_kedro.data.images import LabelledImages

# A slow moment of a shared machine is no failure.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

CLASS_NAMES = ("adipose", "mucus", "stroma")


@pytest.fixture
def project() -> Path:
    """The project's folder: where conf lies."""
    return Path(__file__).parents[1]


@pytest.fixture
def real_tiles() -> Path:
    """The folder of real tiles, where there is one."""
    folder = os.environ.get("SYNTHPATH_REAL_TILES")
    if not folder:
        pytest.skip("SYNTHPATH_REAL_TILES names no folder of real tiles")
    return Path(folder)


@pytest.fixture
def images() -> LabelledImages:
    """Twelve 8x8 images of three classes."""
    pixels = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
    return LabelledImages(pixels, np.arange(12) % 3, CLASS_NAMES, card={"source": "test"})


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's configuration, so that the user's own results are left alone."""
    project, copy = Path(__file__).parents[1], tmp_path_factory.mktemp("project")
    for name in ("conf", "notebooks", "src"):
        shutil.copytree(project / name, copy / name, ignore=shutil.ignore_patterns("local", "__pycache__"))
    (copy / "conf" / "local").mkdir()
    for name in ("pyproject.toml", ".telemetry", "dvc.yaml"):
        shutil.copy(project / name, copy / name)
    return copy

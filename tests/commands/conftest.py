import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from synthpath_kedro.cli import cli


@pytest.fixture
def conf(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder conf of a copy of the project, which is the working directory."""
    shutil.copytree(project / "conf", tmp_path / "conf", ignore=shutil.ignore_patterns("local"))
    (tmp_path / "conf/local").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KEDRO_ENV", raising=False)
    return tmp_path / "conf"


@pytest.fixture
def study(conf: Path) -> Callable[..., Result]:
    """Runs ``kedro study ...``."""
    return lambda *arguments: CliRunner().invoke(cli, ["study", *arguments])

"""What else than code goes into the wheel."""

import shutil
from pathlib import Path

import pytest
from setuptools import Distribution


def test_the_wheel_has_every_file_of_the_package_and_packaged_denoisers(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    package = shutil.copytree(project / "src/synthpath_kedro", tmp_path / "src/synthpath_kedro", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(project / name, tmp_path / name)
    (package / "diffusion/packaged").mkdir(exist_ok=True)
    (package / "diffusion/packaged/another.safetensors").touch()
    monkeypatch.chdir(tmp_path)

    distribution = Distribution({"name": "synthpath-kedro", "script_name": "setup.py"})
    distribution.parse_config_files(["pyproject.toml"])
    build = distribution.get_command_obj("build_py")
    build.ensure_finalized()
    files = {Path(folder, name) for _, folder, _, names in build.data_files for name in names}
    found = {path.resolve().relative_to(package) for path in files}
    expected = {path.relative_to(package) for path in package.rglob("*") if path.is_file() and path.suffix != ".py"}
    assert Path("diffusion/packaged/another.safetensors") in expected
    assert found == expected

"""What dvc.yaml must be for DVC to accept it beside git; that it reproduces the study is in the slow test."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml


def outputs(project: Path) -> list[str]:
    stages = yaml.safe_load((project / "dvc.yaml").read_text())["stages"].values()
    entries = [entry for stage in stages for entry in [*stage.get("outs", []), *stage.get("metrics", [])]]
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]


def test_every_output_is_named_for_every_environment(project: Path) -> None:
    named = set(outputs(project)) - {"data/environment"}
    of_base = {name for name in named if not name.startswith(("data/demo/", "data/tiny/"))}
    for root in ("data/demo/", "data/tiny/"):
        assert {name.removeprefix(root) for name in named if name.startswith(root)} == {
            name.removeprefix("data/") for name in of_base
        }


def test_no_output_holds_a_file_that_git_tracks(project: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "data"], cwd=project, capture_output=True, text=True, check=False)
    tracked = [Path(line) for line in listed.stdout.splitlines()]
    folders = {Path(name) for name in outputs(project)}
    assert [file for file in tracked if folders & {file, *file.parents}] == []


@pytest.mark.slow
def test_a_second_repro_runs_nothing_and_a_changed_parameter_only_what_depends_on_it(workplace: Path) -> None:
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"KEDRO_ENV": "tiny", "PATH": tools}

    def repro() -> set[str]:
        """Names of the stages that ran."""
        done = subprocess.run(["dvc", "repro"], cwd=workplace, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return {line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage")}

    for command in (["git", "init", "--quiet"], ["dvc", "init", "--quiet"]):
        subprocess.run(command, cwd=workplace, env=environment, check=True)
    assert {"data_prep", "diffusion", "synthesis", "classification@cnn-real", "report"} <= repro()
    assert repro() == {"environment"}
    tables = workplace / "data/tiny/08_reporting/tables/classification.csv"
    assert len([path for path in tables.iterdir() if path.is_dir()]) == 1

    parameters = workplace / "conf/tiny/parameters_evaluation.yml"
    parameters.write_text(parameters.read_text().replace("attack_images: 18", "attack_images: 9"))
    ran = repro()
    assert {"evaluation@cnn-real", "report"} <= ran
    assert not any(name.startswith(("data_prep", "diffusion", "synthesis", "classification")) for name in ran)
    assert len([path for path in tables.iterdir() if path.is_dir()]) == 2

"""``kedro study use``: which environment DVC is about."""

from pathlib import Path

import click

from synthpath_kedro.commands.environments import find_environment, find_project
from synthpath_kedro.commands.study_file import STUDY_FILE, check_study_file, environment_in_use, write_study_file


@click.command()
@click.argument("name", required=False)
@click.option("--check", "record", type=click.Path(path_type=Path), hidden=True)
def use(name: str | None, record: Path | None) -> None:
    """Make dvc.yaml about the environment NAME; without NAME, say which it is about.

    Kedro's own commands keep --env and KEDRO_ENV.
    """
    if name is None:
        click.echo(environment_in_use(find_project()))
        return
    environment = find_environment(name)
    if record:
        # A stage of its own in dvc.yaml. What it writes never changes, so it only puts the stage before the others.
        check_study_file(environment)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(f"{environment.name}\n")
        return
    write_study_file(environment)
    click.echo(f"DVC is about {environment.name} now ({STUDY_FILE}, results in {environment.root}). Next: dvc repro")
